import { useState } from 'preact/hooks'
import { formatCount, formatMs, formatNanoUsd } from '../formats.js'
import { Badge } from '../parts/badge.js'
import { linkTo } from '../route.js'
import type { AnswerFacts, AnswerTurn, ToolCall, Turn } from './turn.js'

export interface TurnViewProps {
  turn: Turn
  /** Calls of this turn that wait for a result. */
  open: ToolCall[]
  onGive: (call: ToolCall, text: string) => void
}

export function TurnView ({ turn, open, onGive }: TurnViewProps) {
  if (turn.role === 'user') return <article class='turn user' aria-label='You'><p class='said'>{turn.text}</p></article>
  if (turn.role === 'tool') return <article class='turn tool' aria-label={`Result of ${turn.name}`}><p class='turn-label'>result of {turn.name}</p><pre>{turn.text}</pre></article>
  return <Answer turn={turn} open={open} onGive={onGive} />
}

function Answer ({ turn, open, onGive }: { turn: AnswerTurn, open: ToolCall[], onGive: TurnViewProps['onGive'] }) {
  const { state, reasoning, text, toolCalls, error, facts } = turn
  const isRunning = state === 'waiting' || state === 'streaming'
  return (
    <article class='turn answer' aria-label='Answer' aria-busy={isRunning}>
      {state === 'waiting' && <p class='loading'>Waiting for the first token …</p>}
      {reasoning !== '' && (
        <details class='reasoning' open>
          <summary>Reasoning</summary>
          <p class='said'>{reasoning}</p>
        </details>
      )}
      {text !== '' && <p class='said'>{text}{isRunning && <span class='caret' />}</p>}
      {toolCalls.map(call => <Call key={call.id} call={call} isOpen={open.includes(call)} onGive={onGive} />)}
      {state === 'stopped' && <p class='stopped'>Stopped.</p>}
      {error !== null && <p class='note bad' role='alert'>{error}</p>}
      <Facts facts={facts} />
    </article>
  )
}

function Facts ({ facts }: { facts: AnswerFacts }) {
  const { tier, tierReason, costUsd, requestId } = facts
  if (requestId === null) return null
  return (
    <p class='turn-facts'>
      {(tier === 'flash' || tier === 'pro') && <Badge tone={tier}>{tier}</Badge>}
      {tierReason !== null && <span>{tierReason}</span>}
      {wordsOf(facts).map(word => <span key={word}>{word}</span>)}
      {costUsd !== null && <strong>{formatNanoUsd(Math.round(costUsd * 1e9))}</strong>}
      <a href={linkTo('decisions', requestId)}>every step</a>
    </p>
  )
}

function wordsOf ({ effort, checkpoint, worker, firstTokenMs, durationMs, promptTokens, cachedTokens, completionTokens, finish }: AnswerFacts): string[] {
  const known = <T,>(value: T | null, words: (value: T) => string): string[] => value === null ? [] : [words(value)]
  const decodeMs = durationMs === null || firstTokenMs === null ? 0 : durationMs - firstTokenMs
  return [
    ...known(effort, word => `effort ${word}`),
    ...known(checkpoint, name => name),
    ...known(worker, name => name),
    ...known(firstTokenMs, ms => `first token ${formatMs(ms)}`),
    ...known(durationMs, ms => `took ${formatMs(ms)}`),
    ...known(promptTokens, count => `${formatCount(count)} tokens in`),
    ...known(cachedTokens === 0 ? null : cachedTokens, count => `${formatCount(count)} of them cached`),
    ...known(completionTokens, count => `${formatCount(count)} out`),
    ...known(decodeMs > 0 ? completionTokens : null, count => `${formatCount(Math.max(0, count - 1) * 1000 / decodeMs)} tok/s`),
    ...known(finish === 'stop' ? null : finish, word => `ended by ${word}`)
  ]
}

function Call ({ call, isOpen, onGive }: { call: ToolCall, isOpen: boolean, onGive: TurnViewProps['onGive'] }) {
  const [result, setResult] = useState('')
  const submit = (event: Event): void => {
    event.preventDefault()
    onGive(call, result)
  }
  return (
    <div class='call'>
      <p class='turn-label'>calls <strong>{call.name}</strong></p>
      <pre>{pretty(call.argumentsText)}</pre>
      {isOpen && (
        <form onSubmit={submit}>
          <label class='field grows'><span>Result</span><input type='text' required value={result} placeholder='what the tool answers' onInput={event => { setResult(event.currentTarget.value) }} /></label>
          <button type='submit' class='button'>Give result</button>
        </form>
      )}
    </div>
  )
}

function pretty (text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
