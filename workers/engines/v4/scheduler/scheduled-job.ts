/** One job in the scheduler: its tokens, its sampler, and how far it is. */
import { randomInt } from 'node:crypto'
import { type JobEvent, type JobUsage } from '../../../contract/event.js'
import { type Job } from '../../../contract/job.js'
import { type ConstrainedChoice } from '../constraints/constrained-choice.js'
import { type ForwardSlice } from '../model/step.js'
import { type Floats } from '../model/workspace.js'
import { Sampler } from '../sampling/sampler.js'
import { TokenCounts } from '../sampling/token-counts.js'
import { type Sequence } from '../sequence/sequence.js'
import { type PrefixNode } from './prefix-cache.js'

const FALLBACK_SEEDS = 2 ** 47

export interface JobBounds {
  readonly vocabularySize: number
  readonly contextTokens: number
  /** null = any token may come. */
  readonly choice: ConstrainedChoice | null
}

export class ScheduledJob {
  readonly id: number
  readonly job: Job
  /** Most tokens the sequence can come to. */
  readonly reservedTokens: number
  sequence: Sequence | null = null
  /** Cache blocks it owns, by their place in its sequence; those of its cached prefix belong to the cache. */
  readonly blocks = new Map<number, number>()
  /** The end of the cached prefix it stands on. */
  prefix: PrefixNode | null = null
  /** A piece of the prompt ends at the latest at the next multiple of this, where its state can be kept. */
  boundary = Infinity
  /** Prompt tokens that came from the prefix cache. */
  cachedTokens = 0
  readonly #sampler: Sampler
  readonly #counts: TokenCounts
  readonly #stopTokenIds: ReadonlySet<number>
  readonly #room: number
  readonly #choice: ConstrainedChoice | null
  /** The sampled token that is not computed yet; null while the prompt is. */
  #next: number | null = null
  readonly #generatedIds: number[] = []

  constructor (id: number, job: Job, { vocabularySize, contextTokens, choice }: JobBounds) {
    this.id = id
    this.job = job
    this.#room = Math.min(job.sampling.maxTokens, contextTokens - job.tokenIds.length)
    this.reservedTokens = job.tokenIds.length + this.#room
    this.#sampler = new Sampler(job.sampling, vocabularySize, randomInt(FALLBACK_SEEDS))
    this.#counts = new TokenCounts(job.tokenIds, job.resumedFrom ?? 0)
    this.#choice = choice
    this.#stopTokenIds = new Set([...job.sampling.stopTokenIds, ...(choice === null ? [] : [choice.endTokenId])])
  }

  get isPrefilling (): boolean { return this.#next === null }

  get promptLeft (): number { return this.#next === null ? this.job.tokenIds.length - (this.sequence?.position ?? 0) : 0 }

  get generated (): number { return this.#generatedIds.length }

  get usage (): JobUsage {
    return { promptTokens: this.job.tokenIds.length, completionTokens: this.generated, cachedTokens: this.cachedTokens }
  }

  /** @param rows most rows it may take; a job past its prompt takes one */
  slice (rows: number): ForwardSlice {
    const { sequence } = this
    if (sequence === null) throw new Error(`job ${this.id} is not running`)
    if (this.#next !== null) return { sequence, tokenIds: [this.#next], wants: 'last' }
    const nextBoundary = (Math.floor(sequence.position / this.boundary) + 1) * this.boundary
    const end = Math.min(sequence.position + rows, this.job.tokenIds.length, nextBoundary)
    return { sequence, tokenIds: this.job.tokenIds.slice(sequence.position, end), wants: end === this.job.tokenIds.length ? 'last' : 'none' }
  }

  /** Tokens [start, end) of prompt and completion. */
  tokensBetween (start: number, end: number): number[] {
    const { tokenIds } = this.job
    return [...tokenIds.slice(start, end), ...this.#generatedIds.slice(Math.max(0, start - tokenIds.length), Math.max(0, end - tokenIds.length))]
  }

  /** Draws the next token. @returns its event, and `done` or `fail` when it was the last */
  take (logits: Floats): JobEvent[] {
    const position = this.job.tokenIds.length + this.generated
    if (this.#choice?.isStuck === true) return [{ type: 'fail', code: 'unsupported-constraint', message: 'no token keeps the constraint: the vocabulary cannot spell it, or it has too many meanings at once', blame: 'request', retryable: false }]
    const { id, logprob } = this.#sampler.sample(logits, { position, generated: this.generated, counts: this.#counts, allowed: this.#choice?.allowed })
    if (this.#stopTokenIds.has(id)) return [{ type: 'done', finish: 'stop', stopTokenId: id, usage: this.usage }]
    this.#next = id
    this.#generatedIds.push(id)
    this.#counts.add(id)
    const tokens: JobEvent = { type: 'tokens', ids: [id], ...(logprob === undefined ? {} : { logprobs: [logprob] }) }
    this.#choice?.accept(id)
    if (this.#choice?.isComplete === true) return [tokens, { type: 'done', finish: 'stop', stopTokenId: null, usage: this.usage }]
    return this.generated < this.#room ? [tokens] : [tokens, { type: 'done', finish: 'length', stopTokenId: null, usage: this.usage }]
  }

  abort (): JobEvent {
    return { type: 'done', finish: 'abort', stopTokenId: null, usage: this.usage }
  }
}
