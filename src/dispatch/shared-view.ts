/**
 * What several gateways know of the workers they share: each other's work on them, who is quarantined, and who registered
 * itself with one of them. While the store does not answer, the last view stays: quarantines and workers as they were, and of
 * others' work what the workers' own reports say.
 */
import { randomUUID } from 'node:crypto'
import type { BaseLogger } from 'pino'
import { systemClock, type Clock } from './clock.js'
import type { GatewayNote, PoolStore } from '../stores/pool-store.js'
import type { RegisteredWorkers } from './registered-workers.js'
import { noWork, type SentWork, type WorkerRecord } from './worker-record.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface SharedViewOptions {
  registry: Pick<WorkerRegistry, 'list' | 'quarantine' | 'release' | 'hasPeers'>
  store: PoolStore
  registered?: RegisteredWorkers
  logger: BaseLogger
  clock?: Clock
  gatewayId?: string
  exchangeMs?: number
}

/** Exchanges that may fail before others' work is too old to go by. */
const missesUntilStale = 10

export class SharedView {
  readonly #options: SharedViewOptions
  readonly #clock: Clock
  readonly #gatewayId: string
  /** Quarantined here, as far as the store knows. */
  #told = new Set<string>()
  #misses = 0
  #cancel: () => void = () => {}
  #isClosed = false

  constructor (options: SharedViewOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#gatewayId = options.gatewayId ?? randomUUID()
  }

  /** Exchanges at once, and then again and again. Never throws. */
  async start (): Promise<void> {
    await this.exchange()
    if (this.#isClosed) return
    this.#cancel = this.#clock.after(this.#options.exchangeMs ?? 500, () => { this.start().catch(() => {}) })
  }

  /** Tells the others and hears them, once. Never throws. */
  async exchange (): Promise<void> {
    const { store, logger } = this.#options
    try {
      const notes = await store.exchange(this.#gatewayId, this.#note())
      await this.#shareQuarantines()
      this.#take(notes)
      if (this.#misses > 0) logger.info({ misses: this.#misses }, 'the shared view of the workers is back')
      this.#misses = 0
    } catch (error) {
      this.#misses += 1
      if (this.#misses === 1) logger.warn({ err: error }, 'no shared view of the workers; the last one is kept')
      if (this.#misses === missesUntilStale) for (const record of this.#options.registry.list()) record.shared = noWork
    }
  }

  close (): void {
    this.#isClosed = true
    this.#cancel()
    this.#options.store.close()
  }

  #note (): GatewayNote {
    const { registry, registered } = this.#options
    const busy = registry.list().filter(({ instanceId, inFlight }) => instanceId !== null && inFlight.jobs > 0)
    return {
      work: Object.fromEntries(busy.map(({ instanceId, inFlight }) => [instanceId ?? '', { ...inFlight }])),
      registrations: registered?.ownRegistrations() ?? []
    }
  }

  #take (notes: GatewayNote[]): void {
    const { registry, registered } = this.#options
    registry.hasPeers = notes.length > 0
    for (const registration of notes.flatMap(({ registrations }) => registrations)) registered?.register(registration, 'peer')
    for (const record of registry.list()) record.shared = sharedWork(record, notes)
  }

  /** Whoever quarantines or releases a worker does it for all. */
  async #shareQuarantines (): Promise<void> {
    const { registry, store } = this.#options
    const known = await store.quarantined()
    const next = new Set<string>()
    for (const { workerId, instanceId, state, stateReason } of registry.list()) {
      if (instanceId === null) continue
      const [isHere, isThere] = [state === 'quarantined', known.has(instanceId)]
      if (isHere !== isThere) {
        // Whichever side is as it was told before is the one that has not heard the news.
        const isNewsFromHere = this.#told.has(instanceId) !== isHere
        if (isNewsFromHere) await (isHere ? store.quarantine(instanceId, stateReason) : store.release(instanceId))
        else if (isThere) registry.quarantine(workerId, known.get(instanceId) ?? 'by another gateway')
        else registry.release(workerId)
      }
      if (registry.list().some(record => record.instanceId === instanceId && record.state === 'quarantined')) next.add(instanceId)
    }
    this.#told = next
  }
}

function sharedWork ({ instanceId }: WorkerRecord, notes: GatewayNote[]): SentWork {
  const total = { ...noWork }
  for (const { work } of notes) {
    const theirs = instanceId === null ? undefined : work[instanceId]
    if (theirs === undefined) continue
    total.jobs += theirs.jobs
    total.promptTokens += theirs.promptTokens
    total.reservedTokens += theirs.reservedTokens
  }
  return total
}
