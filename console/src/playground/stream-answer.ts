/** Asks the front door by way of the admin port, and tells what comes as it comes. */
import { createParser } from 'eventsource-parser'
import { ApiError, askFor } from '../api/admin-client.js'
import type { AnswerTurn, ToolCall } from './turn.js'

interface Chunk {
  choices?: Array<{
    delta?: {
      content?: string | null
      reasoning_content?: string | null
      tool_calls?: Array<{ index: number, id?: string, function?: { name?: string, arguments?: string } }>
    }
    finish_reason?: string | null
  }>
  usage?: { prompt_tokens: number, completion_tokens: number, prompt_tokens_details?: { cached_tokens: number }, cost?: number } | null
  error?: { message: string }
}

export interface StreamOptions {
  apiKey: string
  signal: AbortSignal
  /** Given the answer so far, each time there is more of it. */
  onChange: (answer: AnswerTurn) => void
}

/** @throws ApiError when it is refused, fails on the way or ends too early; AbortError when the signal aborts */
export async function streamAnswer (body: object, begun: AnswerTurn, { apiKey, signal, onChange }: StreamOptions): Promise<AnswerTurn> {
  const startedAt = performance.now()
  let answer = begun
  const change = (next: Partial<AnswerTurn>): void => {
    answer = { ...answer, ...next }
    onChange(answer)
  }
  const response = await askFor('playground/chat', { method: 'POST', body, signal, ...(apiKey === '' ? {} : { headers: { 'x-playground-key': apiKey } }) })
  const header = (name: string): string | null => response.headers.get(name)
  change({
    facts: {
      ...answer.facts,
      requestId: header('x-request-id'),
      tier: header('x-gearbox-tier'),
      tierReason: header('x-gearbox-tier-reason'),
      effort: header('x-gearbox-effort'),
      checkpoint: header('x-gearbox-checkpoint'),
      worker: header('x-gearbox-worker')
    }
  })

  let isComplete = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') isComplete = true
      else change(after(answer, JSON.parse(data) as Chunk, performance.now() - startedAt))
    }
  })
  for await (const text of textOf(response, signal)) parser.feed(text)
  if (!isComplete) throw new ApiError(0, 'The stream ended in the middle of the answer.')
  change({ state: 'done', facts: { ...answer.facts, durationMs: performance.now() - startedAt } })
  return answer
}

async function * textOf ({ body }: Response, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader()
  while (reader !== undefined) {
    const piece = await reader.read().catch(() => {
      signal.throwIfAborted()
      throw new ApiError(0, 'The connection broke in the middle of the answer.')
    })
    if (piece.done) return
    yield piece.value
  }
}

/** @throws ApiError for an error in the middle of the stream */
function after (answer: AnswerTurn, { choices, usage, error }: Chunk, elapsedMs: number): Partial<AnswerTurn> {
  if (error !== undefined) throw new ApiError(0, error.message)
  const choice = choices?.[0]
  const { content, reasoning_content: reasoning, tool_calls: calls } = choice?.delta ?? {}
  const saysSomething = Boolean(content) || Boolean(reasoning) || calls !== undefined
  const facts = { ...answer.facts }
  if (saysSomething) facts.firstTokenMs ??= elapsedMs
  facts.finish = choice?.finish_reason ?? facts.finish
  if (usage !== null && usage !== undefined) {
    facts.promptTokens = usage.prompt_tokens
    facts.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? null
    facts.completionTokens = usage.completion_tokens
    facts.costUsd = usage.cost ?? facts.costUsd
  }
  return {
    state: saysSomething ? 'streaming' : answer.state,
    reasoning: answer.reasoning + (reasoning ?? ''),
    text: answer.text + (content ?? ''),
    toolCalls: (calls ?? []).reduce(withPiece, answer.toolCalls),
    facts
  }
}

function withPiece (calls: ToolCall[], { index, id, function: called }: { index: number, id?: string, function?: { name?: string, arguments?: string } }): ToolCall[] {
  const known = calls[index] ?? { id: '', name: '', argumentsText: '' }
  const next = [...calls]
  next[index] = { id: known.id + (id ?? ''), name: known.name + (called?.name ?? ''), argumentsText: known.argumentsText + (called?.arguments ?? '') }
  return next
}
