/** The playground's conversation: what was said, what is being said, and the ways to go on. */
import { useRef, useState } from 'preact/hooks'
import { ApiError, ask } from '../api/admin-client.js'
import type { Decision } from '../api/answers.js'
import { inBackground } from '../api/in-background.js'
import { requestOf, type PlaygroundSettings } from './settings.js'
import { streamAnswer } from './stream-answer.js'
import { messagesOf, newAnswer, openCalls, type AnswerTurn, type ToolCall, type Turn } from './turn.js'

export interface Conversation {
  turns: Turn[]
  isRunning: boolean
  say: (text: string) => void
  /** Gives a tool's result; the answer goes on when every call has one. */
  give: (call: ToolCall, text: string) => void
  stop: () => void
  clear: () => void
}

/** How often, and after how long, the books are looked at for an answer that was stopped. */
const bookLooks = 20
const bookLookMs = 300

/** Outlives a look at another view, not the page. */
let keptTurns: Turn[] = []

export function useConversation (settings: PlaygroundSettings): Conversation {
  const [turns, setTurns] = useState(keptTurns)
  const [isRunning, setIsRunning] = useState(false)
  const running = useRef<AbortController | null>(null)

  const keep = (next: Turn[]): void => {
    keptTurns = next
    setTurns(next)
  }
  const answer = async (before: Turn[]): Promise<void> => {
    const stop = new AbortController()
    running.current = stop
    setIsRunning(true)
    let current = newAnswer()
    const show = (next: AnswerTurn): void => {
      current = next
      if (running.current === stop) keep([...before, next])
    }
    show(current)
    try {
      await streamAnswer(requestOf(settings, messagesOf(settings.system, before)), current, { apiKey: settings.apiKey.trim(), signal: stop.signal, onChange: show })
    } catch (error) {
      if (stop.signal.aborted) show({ ...current, state: 'stopped' })
      else show({ ...current, state: 'failed', error: error instanceof ApiError || error instanceof SyntaxError ? error.message : String(error) })
    }
    if (running.current !== stop) return
    running.current = null
    setIsRunning(false)
    if (!stop.signal.aborted) return
    const booked = await withBookedCost(current)
    // Unless the conversation went on meanwhile.
    if (keptTurns.at(-1) === current) keep([...before, booked])
  }

  return {
    turns,
    isRunning,
    say: text => { inBackground(answer([...turns, { role: 'user', text }])) },
    give: ({ id, name }, text) => {
      const next: Turn[] = [...turns, { role: 'tool', callId: id, name, text }]
      if (openCalls(next).length > 0) keep(next)
      else inBackground(answer(next))
    },
    stop: () => { running.current?.abort() },
    clear: () => {
      running.current?.abort()
      running.current = null
      setIsRunning(false)
      keep([])
    }
  }
}

/** A stream that was stopped never got its last chunk; what it cost is in the decision, as soon as that is closed. */
async function withBookedCost (answer: AnswerTurn): Promise<AnswerTurn> {
  const { requestId } = answer.facts
  if (requestId === null) return answer
  for (let look = 0; look < bookLooks; look++) {
    const decision = await ask<Decision>(`decisions/${encodeURIComponent(requestId)}`).catch(() => null)
    if (decision !== null && decision.outcome !== 'running' && decision.costNanoUsd !== null) {
      const { usage, costNanoUsd, durationMs } = decision
      return { ...answer, facts: { ...answer.facts, durationMs, costUsd: costNanoUsd / 1e9, ...(usage === null ? {} : { promptTokens: usage.promptTokens, cachedTokens: usage.cachedTokens, completionTokens: usage.completionTokens }) } }
    }
    await new Promise(resolve => setTimeout(resolve, bookLookMs))
  }
  return answer
}
