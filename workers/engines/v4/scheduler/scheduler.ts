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
import { type BatchModel } from './batch-model.js'
import { IdPool } from './id-pool.js'
import { ScheduledJob } from './scheduled-job.js'

export interface SchedulerLimits {
  /** Jobs that run at once. */
  readonly slots: number
  readonly blocks: number
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
  readonly #waiting: ScheduledJob[] = []
  readonly #running: ScheduledJob[] = []
  #promptTokensTotal = 0
  #generatedTokensTotal = 0

  constructor (model: BatchModel, limits: SchedulerLimits) {
    this.#model = model
    this.#limits = limits
    this.#slots = new IdPool(limits.slots)
    this.#blocks = new IdPool(limits.blocks)
  }

  get hasWork (): boolean { return this.#running.length + this.#waiting.length > 0 }

  /** Takes a job that `refuseJob` let through; the higher priority goes first, then the older. */
  submit (id: number, job: Job): void {
    const scheduled = new ScheduledJob(id, job, this.#model.vocabularySize, this.#limits.contextTokens)
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
      if (slice.wants === 'none') continue
      events.push(...this.#takeToken(scheduled, wanted++))
    }
    return events
  }

  load (): LoadReport {
    const usedBlocks = this.#blocks.size - this.#blocks.freeCount
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

  /** In order: a job that does not fit holds the line, or small ones would starve it. */
  #admit (): ScheduledEvent[] {
    const events: ScheduledEvent[] = []
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const blockCount = Math.ceil(first.reservedTokens / this.#limits.blockTokens)
      if (this.#slots.freeCount === 0 || this.#blocks.freeCount < blockCount) break
      this.#waiting.shift()
      first.sequence = this.#model.openSequence(this.#slots.take())
      first.blocks = Array.from({ length: blockCount }, () => this.#blocks.take())
      first.sequence.blocks.set(first.blocks)
      this.#running.push(first)
      events.push({ id: first.id, event: { type: 'accepted', cachedTokens: 0 } })
    }
    return events
  }

  #plan (): { scheduled: ScheduledJob, slice: ForwardSlice }[] {
    const decoding = this.#running.filter(job => !job.isPrefilling)
    const prefilling = this.#running.filter(job => job.isPrefilling)
    const planned = decoding.map(scheduled => ({ scheduled, slice: scheduled.slice(1) }))
    const space = this.#model.maxRows - decoding.length
    let rows = decoding.length === 0 ? space : Math.min(space, this.#limits.prefillRows)
    // Shortest rest first, and each at least an equal share: short prompts overtake long ones without stopping them.
    prefilling.sort((left, right) => left.promptLeft - right.promptLeft)
    for (const [index, scheduled] of prefilling.entries()) {
      const share = Math.max(SMALLEST_PIECE, Math.floor(rows / (prefilling.length - index)))
      const slice = scheduled.slice(Math.min(share, rows))
      if (slice.tokenIds.length === 0) break
      planned.push({ scheduled, slice })
      rows -= slice.tokenIds.length
    }
    return planned
  }

  #takeToken (scheduled: ScheduledJob, wanted: number): ScheduledEvent[] {
    const before = scheduled.generated
    const events = scheduled.take(this.#model.logitsOf(wanted))
    this.#generatedTokensTotal += scheduled.generated - before
    if (events.at(-1)?.type === 'done') {
      this.#running.splice(this.#running.indexOf(scheduled), 1)
      this.#release(scheduled)
    }
    return events.map(event => ({ id: scheduled.id, event }))
  }

  #release (scheduled: ScheduledJob): void {
    if (scheduled.sequence === null) return
    this.#slots.giveBack([scheduled.sequence.slot])
    this.#blocks.giveBack(scheduled.blocks)
    scheduled.sequence = null
    scheduled.blocks = []
  }
}
