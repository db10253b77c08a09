/** A conversation as the playground keeps it, and as the wire has it. */
export interface ToolCall {
  id: string
  name: string
  /** JSON text, whole when the answer is over. */
  argumentsText: string
}

export interface AnswerFacts {
  requestId: string | null
  tier: string | null
  tierReason: string | null
  effort: string | null
  checkpoint: string | null
  worker: string | null
  firstTokenMs: number | null
  durationMs: number | null
  promptTokens: number | null
  cachedTokens: number | null
  completionTokens: number | null
  costUsd: number | null
  finish: string | null
}

export type AnswerState = 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed'

export interface AnswerTurn {
  role: 'assistant'
  state: AnswerState
  reasoning: string
  text: string
  toolCalls: ToolCall[]
  facts: AnswerFacts
  error: string | null
}

export type Turn =
  | { role: 'user', text: string }
  | { role: 'tool', callId: string, name: string, text: string }
  | AnswerTurn

const noFacts: AnswerFacts = {
  requestId: null,
  tier: null,
  tierReason: null,
  effort: null,
  checkpoint: null,
  worker: null,
  firstTokenMs: null,
  durationMs: null,
  promptTokens: null,
  cachedTokens: null,
  completionTokens: null,
  costUsd: null,
  finish: null
}

export function newAnswer (): AnswerTurn {
  return { role: 'assistant', state: 'waiting', reasoning: '', text: '', toolCalls: [], facts: noFacts, error: null }
}

/** What goes into `messages`. An answer that failed before it said anything is not repeated. */
export function messagesOf (system: string, turns: readonly Turn[]): object[] {
  const messages = turns.flatMap((turn): object[] => {
    if (turn.role === 'user') return [{ role: 'user', content: turn.text }]
    if (turn.role === 'tool') return [{ role: 'tool', tool_call_id: turn.callId, content: turn.text }]
    if (turn.text === '' && turn.toolCalls.length === 0) return []
    const calls = turn.toolCalls.map(({ id, name, argumentsText }) => ({ id, type: 'function', function: { name, arguments: argumentsText } }))
    return [{
      role: 'assistant',
      content: turn.text,
      ...(turn.reasoning === '' ? {} : { reasoning_content: turn.reasoning }),
      ...(calls.length === 0 ? {} : { tool_calls: calls })
    }]
  })
  return system.trim() === '' ? messages : [{ role: 'system', content: system }, ...messages]
}

/** Calls of the last answer that no result was given for. */
export function openCalls (turns: readonly Turn[]): ToolCall[] {
  const last = turns.findLastIndex(({ role }) => role === 'assistant')
  const answer = turns[last]
  if (answer?.role !== 'assistant' || answer.state !== 'done') return []
  const answered = turns.slice(last + 1).flatMap(turn => turn.role === 'tool' ? [turn.callId] : [])
  return answer.toolCalls.filter(({ id }) => !answered.includes(id))
}
