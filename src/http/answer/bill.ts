/**
 * What one admitted request owes: written down once, whichever way its answer ends.
 *
 *   answered to the end   completed   counts of the answer, before the client sees them
 *   client left           cancelled   what was read and written until then; released when no worker had begun
 *   failed after text     cut         likewise
 *   failed before text    failed      nothing: nothing of it reached the client
 *
 * A job whose worker was replaced leaves an entry of its own: failed, with no tokens, for the entry that ends the answer counts them all.
 */
import type { Admission } from '../../accounts/admission.js'
import type { AccountService, Settlement } from '../../accounts/account-service.js'
import type { AttemptResult } from '../../accounts/attempt-entry.js'
import type { AcceptedPart, AnswerPart, AnswerUsage } from '../../dialects/answer.js'
import type { JobObserver } from '../../dispatch/job-observer.js'
import { GatewayError } from '../../errors.js'

export interface BillOptions {
  accounts: AccountService
  admission: Admission
  /** Exact. */
  promptTokens: number
  checkpoint: string
  /** Text reaches the client as it is made. */
  isStream: boolean
  /** Told what the key was charged. */
  charged (nanoUsd: number): void
}

export interface ChargeOptions {
  /** Whether usage says what the answer cost. */
  tellsCost: boolean
  /** Called before the client sees the end. */
  completed (usage: AnswerUsage): void
}

type Tried = Pick<AttemptResult, 'tier' | 'reason'>

const nothing = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 }

export class Bill {
  readonly #options: BillOptions
  #worker: string | null = null
  #checkpoint: string
  #promptTokens: number
  #cachedTokens: number | null = null
  #tokens = 0
  #isEstimate = false
  #jobs = 0
  #hasSpoken = false
  #hasBegun = false
  #tried: Tried = {}
  #settlement: Promise<Settlement> | null = null

  constructor (options: BillOptions) {
    this.#options = options
    this.#checkpoint = options.checkpoint
    this.#promptTokens = options.promptTokens
  }

  /** Watches one job: who worked, and how much. */
  forJob (): JobObserver {
    let worker: string | null = null
    let failedWorker: string | null = null
    return {
      assigned: () => {},
      attemptBegan: ({ workerId }) => {
        if (failedWorker !== null) this.#record({ usage: nothing, outcome: 'failed', worker: failedWorker })
        failedWorker = null
        worker = this.#worker = workerId
        this.#jobs++
        return {}
      },
      tokens: (count, from) => {
        this.#tokens += count
        this.#isEstimate = from === 'text'
      },
      attemptEnded: fault => { if (fault !== null) failedWorker = worker }
    }
  }

  /** The answer's parts; the last one says what it cost, once that is settled. */
  async * charge (parts: AsyncIterable<AnswerPart>, { tellsCost, completed }: ChargeOptions): AsyncGenerator<AnswerPart, void, undefined> {
    this.#hasBegun = true
    try {
      for await (const part of parts) {
        if (part.type === 'accepted') this.#accepted(part)
        if (part.type === 'progress') this.#hasSpoken = true
        if (part.type !== 'finished') {
          yield part
          continue
        }
        completed(part.usage)
        const { totalNanoUsd } = await this.#settle(part.usage, 'completed')
        yield { ...part, costNanoUsd: totalNanoUsd, usage: tellsCost ? { ...part.usage, costNanoUsd: totalNanoUsd } : part.usage }
      }
    } catch (error) {
      await this.end(error)
      throw error
    } finally {
      // Whoever stops reading has lost its client. After any other ending this changes nothing.
      await this.end(new GatewayError('client_closed_request', 'The client closed the connection'))
    }
  }

  /** An answer that another tier's replaces before anything of it was sent: still owed. */
  supersede (usage: AnswerUsage, reason: string): void {
    this.#record({ usage, outcome: 'superseded', worker: this.#worker, ...this.#tried, reason })
    this.#tokens = 0
    this.#cachedTokens = null
  }

  /** From here on this tier works, for this reason; they differ from the admission's in a cascade. */
  goOn (tried: Required<Tried>, { checkpoint, promptTokens }: { checkpoint: string, promptTokens: number }): void {
    this.#tried = tried
    this.#checkpoint = checkpoint
    this.#promptTokens = promptTokens
  }

  /** It ends without an answer. */
  async end (error: unknown): Promise<void> {
    const { accounts, admission, isStream } = this.#options
    if (this.#jobs === 0 && this.#settlement === null) return await accounts.release(admission)
    const hasLeft = error instanceof GatewayError && error.code === 'client_closed_request'
    const outcome = hasLeft ? 'cancelled' : this.#hasSpoken && isStream ? 'cut' : 'failed'
    const used = { promptTokens: this.#promptTokens, cachedTokens: this.#cachedTokens, completionTokens: this.#tokens, ...(this.#isEstimate ? { countedBy: 'estimate' as const } : {}) }
    await this.#settle(outcome === 'failed' ? nothing : used, outcome)
  }

  /** The connection is closed: if nobody ever asked for the answer, nobody will. */
  async closed (): Promise<void> {
    if (!this.#hasBegun) await this.end(new GatewayError('client_closed_request', 'The client closed the connection'))
  }

  #accepted ({ checkpoint, cachedTokens }: AcceptedPart): void {
    this.#checkpoint = checkpoint
    this.#cachedTokens = cachedTokens
  }

  #record (result: Omit<AttemptResult, 'checkpoint'>): void {
    this.#options.accounts.recordAttempt(this.#options.admission, { ...this.#tried, ...result, checkpoint: this.#checkpoint })
  }

  /** Once: what ends an answer may be noticed twice. */
  #settle (usage: AttemptResult['usage'], outcome: AttemptResult['outcome']): Promise<Settlement> {
    this.#settlement ??= this.#settleNow(usage, outcome)
    return this.#settlement
  }

  async #settleNow ({ promptTokens, cachedTokens, completionTokens, countedBy }: AttemptResult['usage'], outcome: AttemptResult['outcome']): Promise<Settlement> {
    const { accounts, admission, charged } = this.#options
    const settlement = await accounts.settle(admission, { ...this.#tried, usage: { promptTokens, cachedTokens, completionTokens, ...(countedBy === undefined ? {} : { countedBy }) }, outcome, worker: this.#worker, checkpoint: this.#checkpoint })
    charged(settlement.totalNanoUsd)
    return settlement
  }
}
