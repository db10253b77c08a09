/** Workers that made themselves known, each for as long as its lease: who does not renew it is taken out, streams are left to their end. */
import type { Lease, Registration } from '../../workers/contract/registration.js'
import { systemClock, type Clock } from './clock.js'
import { HttpWorkerClient } from './http-worker-client.js'
import type { WorkerRegistry } from './worker-registry.js'

export interface RegisteredWorkersOptions {
  registry: Pick<WorkerRegistry, 'add' | 'remove' | 'list'>
  clock?: Clock
  leaseMs?: number
}

interface Registered {
  registration: Registration
  client: HttpWorkerClient
  /** Who said so: the worker, or another gateway that it told. */
  from: 'itself' | 'peer'
  cancelExpiry: () => void
}

export class RegisteredWorkers {
  readonly #options: Required<RegisteredWorkersOptions>
  readonly #workers = new Map<string, Registered>()

  constructor ({ registry, clock = systemClock, leaseMs = 30_000 }: RegisteredWorkersOptions) {
    this.#options = { registry, clock, leaseMs }
  }

  /** A new worker, a new address of a known one, or a renewal. @returns null: the name is that of a worker from the settings */
  register (registration: Registration, from: Registered['from'] = 'itself'): Lease | null {
    const { registry, leaseMs } = this.#options
    const { workerId, tier, address } = registration
    const known = this.#workers.get(workerId)
    if (known === undefined && registry.list().some(record => record.workerId === workerId)) return null
    const isSame = known !== undefined && known.registration.address === address && known.registration.tier === tier
    const client = isSame ? known.client : new HttpWorkerClient(address)
    known?.cancelExpiry()
    this.#workers.set(workerId, { registration, client, from: known?.from === 'itself' && isSame ? 'itself' : from, cancelExpiry: this.#expire(workerId) })
    if (isSame) return { leaseMs }
    registry.add(workerId, tier, client)
    known?.client.close().catch(() => {})
    return { leaseMs }
  }

  /** Of the workers that told this gateway, for others to know. What others told is not told on, or it would never end. */
  ownRegistrations (): Registration[] {
    return [...this.#workers.values()].filter(({ from }) => from === 'itself').map(({ registration }) => registration)
  }

  /** @returns false when it is not here */
  leave (workerId: string, reason = 'it left'): boolean {
    const known = this.#workers.get(workerId)
    if (known === undefined) return false
    known.cancelExpiry()
    this.#workers.delete(workerId)
    this.#options.registry.remove(workerId, reason)
    known.client.close().catch(() => {})
    return true
  }

  /** Without waiting for streams. */
  async destroy (): Promise<void> {
    await Promise.all([...this.#workers.values()].map(async ({ client, cancelExpiry }) => {
      cancelExpiry()
      await client.destroy()
    }))
    this.#workers.clear()
  }

  #expire (workerId: string): () => void {
    const { clock, leaseMs } = this.#options
    return clock.after(leaseMs, () => { this.leave(workerId, `it did not renew its lease of ${leaseMs} ms`) })
  }
}
