/** Asks the front door by way of the admin port, and tells what comes as it comes. */
import { createParser } from 'eventsource-parser'
import { ApiError, askFor } from '../api/admin-client.js'
import type { AnswerFacts, AnswerTurn, ToolCall } from './turn.js'

interface CallPiece {
  index: number
  id?: string
  function?: { name?: string, arguments?: string }
}

interface Choice {
  delta?: { content?: string | null, reasoning_content?: string | null, tool_calls?: CallPiece[] }
  finish_reason?: string | null
}

interface Chunk {
  choices?: Choice[]
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
  const read = async (): Promise<string | undefined> => {
    try {
      return (await reader?.read())?.value
    } catch {
      signal.throwIfAborted()
      throw new ApiError(0, 'The connection broke in the middle of the answer.')
    }
  }
  for (let piece = await read(); piece !== undefined; piece = await read()) yield piece
}

/** @throws ApiError for an error in the middle of the stream */
function after (answer: AnswerTurn, { choices, usage, error }: Chunk, elapsedMs: number): Partial<AnswerTurn> {
  if (error !== undefined) throw new ApiError(0, error.message)
  const [choice = {}] = choices ?? []
  const { text, reasoning, calls } = piecesOf(choice)
  const saysSomething = text !== '' || reasoning !== '' || calls.length > 0
  const { firstTokenMs, finish } = answer.facts
  return {
    state: saysSomething ? 'streaming' : answer.state,
    reasoning: answer.reasoning + reasoning,
    text: answer.text + text,
    toolCalls: calls.reduce(withPiece, answer.toolCalls),
    facts: { ...answer.facts, firstTokenMs: firstTokenMs ?? (saysSomething ? elapsedMs : null), finish: choice.finish_reason ?? finish, ...countsOf(usage) }
  }
}

function piecesOf ({ delta }: Choice): { text: string, reasoning: string, calls: CallPiece[] } {
  return { text: delta?.content ?? '', reasoning: delta?.reasoning_content ?? '', calls: delta?.tool_calls ?? [] }
}

function countsOf (usage: Chunk['usage']): Partial<AnswerFacts> {
  if (usage === null || usage === undefined) return {}
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens, prompt_tokens_details: details, cost } = usage
  return { promptTokens, completionTokens, cachedTokens: details?.cached_tokens ?? null, costUsd: cost ?? null }
}

function withPiece (calls: ToolCall[], { index, id, function: called }: CallPiece): ToolCall[] {
  const known = calls[index] ?? { id: '', name: '', argumentsText: '' }
  const next = [...calls]
  next[index] = { id: known.id + (id ?? ''), name: known.name + (called?.name ?? ''), argumentsText: known.argumentsText + (called?.arguments ?? '') }
  return next
}
