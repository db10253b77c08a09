/**
 * Which rows are computed next. Owned by the first rank's thread: the one owner of sequences, slots and cache blocks.
 *
 * Continuous batching: every step holds one row of each job that is past its prompt, and a piece of the prompts of the
 * others, so that a long prompt slows the running jobs down a little and never stops them. A job gets all cache blocks it
 * can ever need when it enters, or waits; so nothing that runs can run out of memory.
 */
import { type JobEvent, type LoadReport } from '../../../contract/event.js'
import { type Job } from '../../../contract/job.js'
import { type ForwardSlice } from '../model/step.js'
import { type ConstrainedChoice } from '../constraints/constrained-choice.js'
import { type BatchModel } from './batch-model.js'
import { IdPool } from './id-pool.js'
import { PrefixCache } from './prefix-cache.js'
import { ScheduledJob } from './scheduled-job.js'

export interface SchedulerLimits {
  /** Jobs that run at once. */
  readonly slots: number
  readonly blocks: number
  /** Blocks that the prefix cache may keep; 0 = no cache. */
  readonly snapshots: number
  readonly blockTokens: number
  readonly contextTokens: number
  /** Prompt rows of a step in which other jobs wait for their next token. */
  readonly prefillRows: number
}

export interface ScheduledEvent {
  readonly id: number
  readonly event: JobEvent
}

/** A piece of a prompt smaller than this costs more in overhead than its fairness is worth. */
const SMALLEST_PIECE = 8

export class Scheduler {
  readonly #model: BatchModel
  readonly #limits: SchedulerLimits
  readonly #slots: IdPool
  readonly #blocks: IdPool
  readonly #prefixes: PrefixCache
  readonly #waiting: ScheduledJob[] = []
  readonly #running: ScheduledJob[] = []
  #promptTokensTotal = 0
  #generatedTokensTotal = 0

  constructor (model: BatchModel, limits: SchedulerLimits) {
    this.#model = model
    this.#limits = limits
    this.#slots = new IdPool(limits.slots)
    this.#blocks = new IdPool(limits.blocks)
    this.#prefixes = new PrefixCache(limits.blockTokens, limits.snapshots)
  }

  get hasWork (): boolean { return this.#running.length + this.#waiting.length > 0 }

  /**
   * Takes a job that `refuseJob` let through; the higher priority goes first, then the older.
   * @param choice of a job with a constraint
   */
  submit (id: number, job: Job, choice: ConstrainedChoice | null = null): void {
    const scheduled = new ScheduledJob(id, job, { vocabularySize: this.#model.vocabularySize, contextTokens: this.#limits.contextTokens, choice })
    const priority = job.priority ?? 0
    const later = this.#waiting.findIndex(other => (other.job.priority ?? 0) < priority)
    this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, scheduled)
  }

  /** Ends a job wherever it is; an id that is gone is no error, since ends cross on the way. */
  abort (id: number): ScheduledEvent[] {
    const line = [this.#waiting, this.#running].find(jobs => jobs.some(job => job.id === id))
    const scheduled = line?.find(job => job.id === id)
    if (line === undefined || scheduled === undefined) return []
    line.splice(line.indexOf(scheduled), 1)
    this.#release(scheduled)
    return [{ id, event: scheduled.abort() }]
  }

  /** Admits what fits, computes one batch, and tells what came of it. */
  step (): ScheduledEvent[] {
    const events: ScheduledEvent[] = this.#admit()
    const planned = this.#plan()
    if (planned.length === 0) return events
    this.#model.forward(planned.map(({ slice }) => slice))
    let wanted = 0
    for (const { scheduled, slice } of planned) {
      if (scheduled.isPrefilling) this.#promptTokensTotal += slice.tokenIds.length
      this.#keepPrefix(scheduled)
      if (slice.wants === 'none') continue
      events.push(...this.#takeToken(scheduled, wanted++))
    }
    return events
  }

  /** Gives every block back that no running job stands on. */
  forgetPrefixes (): void {
    this.#blocks.giveBack(this.#prefixes.evict(Infinity))
  }

  load (): LoadReport {
    const usedBlocks = this.#blocks.size - this.#blocks.freeCount - this.#prefixes.idleBlocks
    return {
      running: this.#running.length,
      waiting: this.#waiting.length,
      queuedTokens: [...this.#running, ...this.#waiting].reduce((sum, job) => sum + job.promptLeft, 0),
      kvUsedTokens: usedBlocks * this.#limits.blockTokens,
      kvCapacityTokens: this.#blocks.size * this.#limits.blockTokens,
      promptTokensTotal: this.#promptTokensTotal,
      generatedTokensTotal: this.#generatedTokensTotal
    }
  }

  /**
   * In order: a job that does not fit holds the line, or small ones would starve it. Only who waits for a running job to
   * compute the beginning of its prompt lets others pass.
   */
  #admit (): ScheduledEvent[] {
    const events: ScheduledEvent[] = []
    for (let index = 0; index < this.#waiting.length && this.#slots.freeCount > 0;) {
      const next = this.#waiting[index]
      if (next === undefined) break
      if (this.#isBeingComputed(next.job)) {
        index++
        continue
      }
      if (!this.#start(next)) break
      this.#waiting.splice(index, 1)
      this.#running.push(next)
      events.push({ id: next.id, event: { type: 'accepted', cachedTokens: next.cachedTokens } })
    }
    return events
  }

  /**
   * Whether a running job is about to leave more of this prompt to the cache than is there: alternatives to one answer
   * come together, and one of them computes the prompt for all.
   */
  #isBeingComputed ({ tokenIds, cacheSalt }: Job): boolean {
    const { blockTokens } = this.#limits
    if (!this.#prefixes.isEnabled) return false
    return this.#running.some(({ isPrefilling, job, prefix, sequence }) => {
      const position = sequence?.position ?? 0
      const kept = prefix?.endPosition ?? 0
      // One that lost touch with the cache leaves nothing there.
      if (!isPrefilling || (job.cacheSalt ?? '') !== (cacheSalt ?? '') || position - kept >= blockTokens) return false
      const end = kept + blockTokens
      return end <= job.tokenIds.length && end < tokenIds.length && startsAlike(tokenIds, job.tokenIds, end)
    })
  }

  /** @returns false when the job's blocks are not to be had yet */
  #start (scheduled: ScheduledJob): boolean {
    const { job, blocks } = scheduled
    const prefix = this.#prefixes.find(job.cacheSalt ?? '', job.tokenIds)
    if (prefix !== null) this.#prefixes.use(prefix)
    const cached = this.#prefixes.blocksTo(prefix)
    const total = Math.ceil(scheduled.reservedTokens / this.#limits.blockTokens)
    const missing = total - cached.length - this.#blocks.freeCount
    if (missing > 0) this.#blocks.giveBack(this.#prefixes.evict(missing))
    if (this.#blocks.freeCount < total - cached.length) {
      if (prefix !== null) this.#prefixes.leave(prefix)
      return false
    }
    const sequence = this.#model.openSequence(this.#slots.take())
    sequence.blocks.set(cached)
    for (let place = cached.length; place < total; place++) {
      const block = this.#blocks.take()
      blocks.set(place, block)
      sequence.blocks[place] = block
    }
    if (prefix !== null) this.#model.restore(prefix.snapshot, sequence, prefix.endPosition)
    if (this.#prefixes.isEnabled) scheduled.boundary = this.#limits.blockTokens
    scheduled.cachedTokens = prefix?.endPosition ?? 0
    scheduled.prefix = prefix
    scheduled.sequence = sequence
    return true
  }

  /** A job that stands at a block boundary leaves its block to the cache, as long as the cache has all blocks before. */
  #keepPrefix (scheduled: ScheduledJob): void {
    const { sequence, prefix, blocks, job } = scheduled
    const end = sequence?.position ?? 0
    const { blockTokens } = this.#limits
    if (sequence === null || !this.#prefixes.isEnabled || end % blockTokens !== 0 || (prefix?.endPosition ?? 0) !== end - blockTokens) return
    const place = end / blockTokens - 1
    const block = blocks.get(place)
    const added = block === undefined ? null : this.#prefixes.add(prefix, job.cacheSalt ?? '', scheduled.tokensBetween(end - blockTokens, end), block)
    if (added === null) return
    this.#blocks.giveBack(added.freed)
    this.#prefixes.use(added.node)
    if (prefix !== null) this.#prefixes.leave(prefix)
    scheduled.prefix = added.node
    if (!added.isNew) return
    blocks.delete(place)
    this.#model.snapshot(sequence, added.node.snapshot)
  }

  #plan (): PlannedSlice[] {
    const decoding = this.#running.filter(job => !job.isPrefilling)
    const prefilling = this.#running.filter(job => job.isPrefilling)
    const space = this.#model.maxRows - decoding.length
    const rows = decoding.length === 0 ? space : Math.min(space, this.#limits.prefillRows)
    return [...decoding.map(scheduled => ({ scheduled, slice: scheduled.slice(1) })), ...sharePrompts(prefilling, rows)]
  }

  #takeToken (scheduled: ScheduledJob, wanted: number): ScheduledEvent[] {
    const before = scheduled.generated
    const events = scheduled.take(this.#model.logitsOf(wanted))
    this.#generatedTokensTotal += scheduled.generated - before
    const last = events.at(-1)?.type
    if (last === 'done' || last === 'fail') {
      this.#running.splice(this.#running.indexOf(scheduled), 1)
      this.#release(scheduled)
    }
    return events.map(event => ({ id: scheduled.id, event }))
  }

  #release (scheduled: ScheduledJob): void {
    if (scheduled.sequence === null) return
    this.#slots.giveBack([scheduled.sequence.slot])
    this.#blocks.giveBack(scheduled.blocks.values())
    if (scheduled.prefix !== null) this.#prefixes.leave(scheduled.prefix)
    scheduled.prefix = null
    scheduled.sequence = null
    scheduled.blocks.clear()
  }
}

function startsAlike (tokenIds: readonly number[], others: readonly number[], length: number): boolean {
  for (let i = 0; i < length; i++) if (tokenIds[i] !== others[i]) return false
  return true
}

interface PlannedSlice {
  readonly scheduled: ScheduledJob
  readonly slice: ForwardSlice
}

/**
 * Pieces of several prompts. Short rests go first, so that small prompts overtake large ones; but a piece is always kept
 * for the job that came first, or a stream of small ones would starve it.
 *
 * @param prefilling in order of admission
 */
function sharePrompts ([oldest, ...others]: readonly ScheduledJob[], rows: number): PlannedSlice[] {
  if (oldest === undefined) return []
  const planned: PlannedSlice[] = []
  let left = rows
  const take = (scheduled: ScheduledJob, most: number): void => {
    const slice = scheduled.slice(Math.min(most, left))
    if (slice.tokenIds.length === 0) return
    planned.push({ scheduled, slice })
    left -= slice.tokenIds.length
  }
  const kept = Math.min(SMALLEST_PIECE, oldest.promptLeft)
  others.sort((one, other) => one.promptLeft - other.promptLeft)
  for (const [index, scheduled] of others.entries()) {
    const share = Math.max(SMALLEST_PIECE, Math.floor((left - kept) / (others.length - index)))
    take(scheduled, Math.max(0, Math.min(share, left - kept)))
  }
  take(oldest, left)
  return planned
}
