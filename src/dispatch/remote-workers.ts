/** The workers that run elsewhere, as the settings list them; the list may change while the gateway runs. */
import type { Tier } from '../../workers/contract/job.js'
import { HttpWorkerClient } from './http-worker-client.js'
import type { WorkerRegistry } from './worker-registry.js'

export class RemoteWorkers {
  readonly #registry: Pick<WorkerRegistry, 'add' | 'remove'>
  readonly #workers = new Map<string, { tier: Tier, client: HttpWorkerClient }>()

  constructor (registry: Pick<WorkerRegistry, 'add' | 'remove'>) {
    this.#registry = registry
  }

  /** Adds what is new and takes out what is gone; streams that run on a worker that goes are left to their end. */
  set (tier: Tier, listed: ReadonlyArray<{ workerId: string, address: string }>): void {
    for (const [workerId, { tier: ofTier, client }] of this.#workers) {
      if (ofTier !== tier || listed.some(worker => worker.workerId === workerId && worker.address === client.address)) continue
      this.#workers.delete(workerId)
      // Its successor of the same name takes the place in one step, so that nobody who waits sees a moment without workers.
      if (!listed.some(worker => worker.workerId === workerId)) this.#registry.remove(workerId, 'taken out of the settings')
      client.close().catch(() => {})
    }
    for (const { workerId, address } of listed) {
      if (this.#workers.has(workerId)) continue
      const client = new HttpWorkerClient(address)
      this.#workers.set(workerId, { tier, client })
      this.#registry.add(workerId, tier, client)
    }
  }

  /** Without waiting for streams. */
  async destroy (): Promise<void> {
    await Promise.all([...this.#workers.values()].map(async ({ client }) => { await client.destroy() }))
    this.#workers.clear()
  }
}
