/**
 * Which tier a conversation was last answered on, and how long it was: its prefix is cached there. A conversation is known by a
 * hash of its messages up to an answer; what clients leave out or change on replay (reasoning) is not part of it.
 * Kept in this process only: another gateway, or this one after a restart, decides anew.
 */
import { createHash } from 'node:crypto'
import type { Tier } from '../../../workers/contract/job.js'
import type { Message } from '../../language/conversation.js'

export interface AnsweredOn {
  tier: Tier
  /** Prompt and answer of that turn. */
  tokens: number
}

export class ConversationTiers {
  readonly #most: number
  readonly #turns = new Map<string, AnsweredOn>()

  constructor (most = 50_000) {
    this.#most = most
  }

  /** `scope`: whose conversations; nobody else's are found. Looks from the newest answer in the history back to the oldest. */
  find (scope: string, messages: readonly Message[]): AnsweredOn | null {
    if (this.#turns.size === 0) return null
    for (const hash of hashesBeforeAnswers(scope, messages).reverse()) {
      const found = this.#turns.get(hash)
      if (found === undefined) continue
      this.#turns.delete(hash)
      this.#turns.set(hash, found)
      return found
    }
    return null
  }

  /** `messages` were answered. */
  remember (scope: string, messages: readonly Message[], answeredOn: AnsweredOn): void {
    const hash = hashOf(scope, messages)
    this.#turns.delete(hash)
    this.#turns.set(hash, answeredOn)
    const [oldest] = this.#turns.keys()
    if (this.#turns.size > this.#most && oldest !== undefined) this.#turns.delete(oldest)
  }
}

/** A text that the model continues is the answer's own beginning, as any answer is. */
function hashesBeforeAnswers (scope: string, messages: readonly Message[]): string[] {
  const hash = createHash('sha256').update(scope)
  const found: string[] = []
  for (const message of messages) {
    if (message.role === 'assistant') found.push(hash.copy().digest('base64'))
    hash.update(textOf(message))
  }
  return found
}

function hashOf (scope: string, messages: readonly Message[]): string {
  const hash = createHash('sha256').update(scope)
  const questions = messages.at(-1)?.role === 'assistant' ? messages.slice(0, -1) : messages
  for (const message of questions) hash.update(textOf(message))
  return hash.digest('base64')
}

function textOf (message: Message): string {
  const calls = message.role === 'assistant' ? message.toolCalls.map(({ name, argumentsText }) => [name, argumentsText]) : []
  return JSON.stringify([message.role, message.content, calls])
}
