/**
 * Who is there and in what state. The registry probes every worker, keeps one record per incarnation, and tells
 * whoever listens that something changed; it chooses nothing.
 */
import type { BaseLogger } from 'pino'
import type { Readiness } from '../../workers/contract/control.js'
import type { LoadReport } from '../../workers/contract/event.js'
import type { Tier } from '../../workers/contract/job.js'
import { systemClock, type Clock } from './clock.js'
import { openWork, type OpenWork, type PlannedWork } from './open-work.js'
import type { WorkerClient } from './worker-client.js'
import { WorkerFault } from './worker-fault.js'
import { WorkerRecord, type WorkerState } from './worker-record.js'

export interface RegistryOptions {
  logger: BaseLogger
  clock?: Clock
  /** Between probes of a worker that serves. */
  pollMs?: number
  /** Between probes of one that is not there yet. */
  startingPollMs?: number
  /** How long one fault keeps a worker behind healthy ones. */
  degradedMs?: number
}

/** Probes without an answer before a worker that served is given up. One miss can be a busy machine. */
const missedPollLimit = 3

interface Slot {
  record: WorkerRecord
  /** Settled when no probe is under way. */
  runningProbe: Promise<void>
  /** Asked for, not yet begun. */
  nextProbe: Promise<void> | null
  cancelTimer: () => void
}

export class WorkerRegistry {
  /** Other gateways send jobs to these workers, too. */
  hasPeers = false
  readonly #slots = new Map<string, Slot>()
  readonly #listeners = new Set<() => void>()
  readonly #ejectListeners = new Set<(record: WorkerRecord, reason: string) => void>()
  readonly #logger: BaseLogger
  readonly #clock: Clock
  readonly #pollMs: number
  readonly #startingPollMs: number
  readonly #degradedMs: number

  constructor ({ logger, clock = systemClock, pollMs = 1000, startingPollMs = 250, degradedMs = 30_000 }: RegistryOptions) {
    this.#logger = logger
    this.#clock = clock
    this.#pollMs = pollMs
    this.#startingPollMs = startingPollMs
    this.#degradedMs = degradedMs
  }

  /** Begins to probe a worker. A worker id that is already known is replaced: its old record is gone. */
  add (workerId: string, tier: Tier, client: WorkerClient): void {
    const earlier = this.#slots.get(workerId)
    const slot: Slot = { record: new WorkerRecord(workerId, tier, client), runningProbe: Promise.resolve(), nextProbe: null, cancelTimer: () => {} }
    // In place, so that nobody who waits sees a moment without any worker.
    this.#slots.set(workerId, slot)
    earlier?.cancelTimer()
    if (earlier !== undefined) this.#move(earlier.record, 'gone', 'replaced by a new start')
    this.#changed()
    this.probe(workerId).catch(() => {})
  }

  /** The incarnation is over (its process ended, its address was taken out); running streams are left alone. */
  remove (workerId: string, reason: string): void {
    const slot = this.#slots.get(workerId)
    if (slot === undefined) return
    slot.cancelTimer()
    this.#slots.delete(workerId)
    this.#move(slot.record, 'gone', reason)
  }

  list (tier?: Tier): WorkerRecord[] {
    return [...this.#slots.values()].map(({ record }) => record).filter(record => tier === undefined || record.tier === tier)
  }

  /** Whether some worker of the tier takes jobs now. */
  isReady (tier: Tier): boolean {
    return this.list(tier).some(record => record.canServe)
  }

  /** Calls back after any change that may matter to somebody who waits for a worker. @returns the way to stop */
  onChange (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Probes now rather than when it is due. Resolves when a probe begun after this call has been judged; calls made meanwhile share it. */
  async probe (workerId: string): Promise<void> {
    const slot = this.#slots.get(workerId)
    if (slot === undefined) return
    slot.nextProbe ??= slot.runningProbe.then(async () => {
      slot.runningProbe = slot.nextProbe ?? slot.runningProbe
      slot.nextProbe = null
      await this.#poll(slot)
      this.#schedule(slot)
    })
    await slot.nextProbe
  }

  /** Counts a job as in flight from the moment it is sent. */
  begin (record: WorkerRecord, work: PlannedWork): OpenWork {
    return openWork(record, work, () => { this.#changed() })
  }

  noteLoad (record: WorkerRecord, load: LoadReport): void {
    record.noteLoad(load, this.#clock.now())
  }

  noteSuccess (record: WorkerRecord): void {
    record.noteSuccess()
  }

  noteFault (record: WorkerRecord, fault: WorkerFault): void {
    const now = this.#clock.now()
    record.noteFault(fault, now + this.#degradedMs)
    this.#logger.warn({ workerId: record.workerId, instanceId: record.instanceId, kind: fault.kind, code: fault.code }, fault.message)
    if (fault.isIllness && record.breaker.fail(now)) this.#trip(record, `it ${fault.saying}`)
    if (fault.code === 'worker-draining') this.#move(record, 'draining', 'it refused a job')
    this.#changed()
    if (this.#slots.get(record.workerId)?.record === record) this.probe(record.workerId).catch(() => {})
  }

  /** Nothing moves on a worker that answers probes: out of the choice, and to be restarted by whoever can. */
  noteStall (record: WorkerRecord): void {
    const reason = 'hangs: it answers probes and computes nothing'
    this.#logger.error({ workerId: record.workerId, instanceId: record.instanceId }, reason)
    this.#trip(record, reason)
    this.#eject(record, reason)
  }

  /** An answer has ended; one that looks corrupt is held against its worker when it is not what its peers do, too. */
  noteAnswer (record: WorkerRecord, isSuspect: boolean): void {
    record.quality.note(isSuspect)
    if (!isSuspect || record.state === 'quarantined') return
    const peers = this.list(record.tier).filter(peer => peer !== record && peer.description?.checkpoint.name === record.description?.checkpoint.name)
    if (!record.quality.isWorseThan(peers.map(({ quality }) => quality)) || !this.#maySpare(record)) return
    const reason = `${Math.round(100 * (record.quality.suspectShare ?? 0))} % of its last answers look corrupt, unlike its peers'`
    this.#logger.error({ workerId: record.workerId, instanceId: record.instanceId }, reason)
    this.#move(record, 'quarantined', reason)
    this.#eject(record, reason)
  }

  /** Calls back with a worker that should be restarted. @returns the way to stop */
  onEject (listener: (record: WorkerRecord, reason: string) => void): () => void {
    this.#ejectListeners.add(listener)
    return () => { this.#ejectListeners.delete(listener) }
  }

  /** Takes a worker out whose output cannot be trusted, until it restarts or is released. */
  quarantine (workerId: string, reason: string): void {
    const slot = this.#slots.get(workerId)
    if (slot !== undefined) this.#move(slot.record, 'quarantined', reason)
  }

  release (workerId: string): void {
    const slot = this.#slots.get(workerId)
    if (slot?.record.state === 'quarantined') this.#move(slot.record, 'degraded', 'released from quarantine')
  }

  /** Stops probing; records stay readable. */
  close (): void {
    for (const slot of this.#slots.values()) slot.cancelTimer()
    this.#slots.clear()
    this.#listeners.clear()
    this.#ejectListeners.clear()
  }

  /** Out of the choice for a while. */
  #trip (record: WorkerRecord, reason: string): void {
    if (record.breaker.state === 'open') return
    if (!this.#maySpare(record)) {
      this.#logger.error({ workerId: record.workerId, reason }, 'a worker that keeps failing is kept: half of its pool is out already')
      return
    }
    const openMs = record.breaker.open()
    this.#logger.error({ workerId: record.workerId, instanceId: record.instanceId, openMs, reason }, 'worker taken out of the choice')
    this.#clock.after(openMs, () => {
      record.breaker.halfOpen()
      this.#changed()
    })
    this.#changed()
  }

  /** Half of a pool is the most that is taken out for its failures: beyond that, bad workers are better than none. */
  #maySpare (record: WorkerRecord): boolean {
    const pool = this.list(record.tier)
    const out = pool.filter(other => other !== record && (other.breaker.state === 'open' || other.state === 'quarantined')).length
    return out + 1 <= pool.length / 2
  }

  #eject (record: WorkerRecord, reason: string): void {
    for (const listener of [...this.#ejectListeners]) listener(record, reason)
  }

  #schedule (slot: Slot): void {
    slot.cancelTimer()
    const { record } = slot
    if (this.#slots.get(record.workerId) !== slot) return
    const isUp = (record.state === 'serving' || record.state === 'degraded') && !record.isSuspect
    slot.cancelTimer = this.#clock.after(isUp ? this.#pollMs : this.#startingPollMs, () => {
      this.probe(record.workerId).catch(() => {})
    })
  }

  async #poll (slot: Slot): Promise<void> {
    const { record } = slot
    const answered = record.markProbe()
    try {
      const readiness = await record.client.readiness()
      await this.#judge(slot, readiness)
      record.missedPolls = 0
      answered()
      this.#changed()
    } catch (error) {
      this.#miss(slot, error)
    }
  }

  async #judge (slot: Slot, readiness: Readiness): Promise<void> {
    if (slot.record.instanceId !== null && slot.record.instanceId !== readiness.instanceId) this.#renew(slot, 'the process was restarted')
    const { record } = slot
    if (record.state === 'quarantined') return
    if (readiness.state === 'loading') return this.#move(record, 'starting', 'the engine is loading')
    if (readiness.state === 'draining') return this.#move(record, 'draining', 'it finishes what it has')
    if (readiness.state === 'failed') return this.#move(record, 'draining', 'its engine failed')
    if (record.description === null) {
      this.#move(record, 'warming', 'ready, to be examined')
      const description = await record.client.describe()
      if (description.tier !== record.tier) throw new Error(`serves ${description.tier}, expected ${record.tier}`)
      record.description = description
      this.#move(record, 'serving', 'ready')
    }
    await this.#askLoad(record)
    record.recover(this.#clock.now())
  }

  async #askLoad (record: WorkerRecord): Promise<void> {
    const [sent, ours] = [{ ...record.sentSinceLoad }, { ...record.inFlight }]
    record.noteLoad(await record.client.load(), this.#clock.now(), ours)
    record.sentSinceLoad.jobs -= sent.jobs
    record.sentSinceLoad.promptTokens -= sent.promptTokens
    record.sentSinceLoad.reservedTokens -= sent.reservedTokens
  }

  #miss (slot: Slot, error: unknown): void {
    const { record } = slot
    record.missedPolls += 1
    const reason = error instanceof WorkerFault ? `it ${error.saying}` : messageOf(error)
    this.#logger.debug({ err: error, workerId: record.workerId }, 'probe missed')
    if (record.instanceId === null) {
      record.stateReason = reason
      return
    }
    // Nobody listens at the address: that incarnation has ended, however many probes it missed.
    const isCertain = error instanceof WorkerFault && error.kind === 'unreachable'
    if (isCertain || record.missedPolls >= missedPollLimit) this.#renew(slot, reason)
  }

  /** The same address, another incarnation. */
  #renew (slot: Slot, reason: string): void {
    this.#move(slot.record, 'gone', reason)
    slot.record = new WorkerRecord(slot.record.workerId, slot.record.tier, slot.record.client)
    slot.record.stateReason = reason
    this.#changed()
  }

  #move (record: WorkerRecord, state: WorkerState, reason: string): void {
    if (record.state === state || record.state === 'gone') return
    this.#logger.info({ workerId: record.workerId, instanceId: record.instanceId, from: record.state, to: state, reason }, 'worker state')
    record.move(state, reason)
    this.#changed()
  }

  #changed (): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
