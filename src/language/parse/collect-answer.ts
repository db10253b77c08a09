import type { AnswerEvent } from './answer-event.js'

export interface CollectedCall {
  name: string
  argumentsText: string
  isComplete: boolean
  rawText: string
}

export interface CollectedAnswer {
  reasoning: string
  content: string
  toolCalls: CollectedCall[]
}

/** A whole answer from its events. */
export function collectAnswer (events: Iterable<AnswerEvent>): CollectedAnswer {
  const answer: CollectedAnswer = { reasoning: '', content: '', toolCalls: [] }
  for (const event of events) {
    if (event.type === 'reasoning' || event.type === 'content') {
      answer[event.type] += event.text
      continue
    }
    if (event.type === 'tool-call-start') {
      answer.toolCalls[event.index] = { name: event.name, argumentsText: '', isComplete: false, rawText: '' }
      continue
    }
    const call = answer.toolCalls[event.index]
    if (call === undefined) throw new RangeError(`No tool call ${event.index} was started`)
    if (event.type === 'tool-call-arguments') call.argumentsText += event.text
    else Object.assign(call, { isComplete: event.isComplete, rawText: event.rawText })
  }
  return answer
}
