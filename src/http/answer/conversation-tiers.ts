/**
 * Which tier a conversation was last answered on, and how long it was: its prefix is cached there. A conversation is known by a
 * hash of its messages up to an answer; what clients leave out or change on replay (reasoning) is not part of it.
 * Kept in this process and in the store, so that another gateway, or this one after a restart, goes on where it was; while
 * the store is away what this process saw is all there is.
 */
import { createHash } from 'node:crypto'
import type { Message } from '../../language/conversation.js'
import { StoreUnavailableError } from '../../stores/account-store.js'
import type { AnsweredOn, TurnStore } from '../../stores/turn-store.js'

export interface ConversationTiersOptions {
  /** Absent = this process only. */
  store?: TurnStore
  /** Turns that this process keeps. */
  mostTurns?: number
  /** Hears of what a store that is there could not do. */
  onError?: (error: unknown) => void
}

/** From the last turn on; workers keep a prefix no longer than that when others need the room. */
const turnTtlMs = 2 * 3600_000
/** Turns of one conversation that the store is asked for; older ones are hardly cached any more. */
const mostAskedFor = 32

export class ConversationTiers {
  readonly #store: TurnStore | null
  readonly #mostTurns: number
  readonly #onError: (error: unknown) => void
  readonly #turns = new Map<string, AnsweredOn>()

  constructor ({ store, mostTurns = 50_000, onError = () => {} }: ConversationTiersOptions = {}) {
    this.#store = store ?? null
    this.#mostTurns = mostTurns
    this.#onError = onError
  }

  /** `scope`: whose conversations; nobody else's are found. Looks from the newest answer in the history back to the oldest. */
  async find (scope: string, messages: readonly Message[]): Promise<AnsweredOn | null> {
    const hashes = hashesBeforeAnswers(scope, messages).reverse()
    const seen = hashes.findIndex(hash => this.#turns.has(hash))
    // Turns after the one this process saw were answered elsewhere, if at all.
    const elsewhere = hashes.slice(0, seen === -1 ? mostAskedFor : Math.min(seen, mostAskedFor))
    return await this.#ask(elsewhere) ?? this.#recall(hashes[seen])
  }

  /** `messages` were answered. Not waited for: whoever settles with the same store afterwards is behind it. */
  remember (scope: string, messages: readonly Message[], answeredOn: AnsweredOn): void {
    const hash = hashOf(scope, messages)
    this.#keep(hash, answeredOn)
    this.#store?.rememberTurn(hash, answeredOn, turnTtlMs).catch((error: unknown) => { this.#report(error) })
  }

  async #ask (hashes: readonly string[]): Promise<AnsweredOn | null> {
    if (this.#store === null || hashes.length === 0) return null
    try {
      return await this.#store.findTurn(hashes)
    } catch (error) {
      this.#report(error)
      return null
    }
  }

  #recall (hash: string | undefined): AnsweredOn | null {
    const found = hash === undefined ? undefined : this.#turns.get(hash)
    if (hash === undefined || found === undefined) return null
    this.#keep(hash, found)
    return found
  }

  /** At the end, so that the first of the map is the one not asked for the longest. */
  #keep (hash: string, answeredOn: AnsweredOn): void {
    this.#turns.delete(hash)
    this.#turns.set(hash, answeredOn)
    const [oldest] = this.#turns.keys()
    if (this.#turns.size > this.#mostTurns && oldest !== undefined) this.#turns.delete(oldest)
  }

  #report (error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) this.#onError(error)
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
