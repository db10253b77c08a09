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
  set (tier: Tier, addresses: readonly string[]): void {
    for (const [workerId, worker] of this.#workers) {
      if (worker.tier !== tier || addresses.includes(worker.client.address)) continue
      this.#workers.delete(workerId)
      this.#registry.remove(workerId, 'taken out of the settings')
      worker.client.close().catch(() => {})
    }
    const known = new Set([...this.#workers.values()].filter(worker => worker.tier === tier).map(({ client }) => client.address))
    for (const address of new Set(addresses)) if (!known.has(address)) this.#add(tier, address)
  }

  /** Without waiting for streams. */
  async destroy (): Promise<void> {
    await Promise.all([...this.#workers.values()].map(async ({ client }) => await client.destroy()))
    this.#workers.clear()
  }

  /** A number that is free again is used again: ids are labels of metrics and should stay few. */
  #add (tier: Tier, address: string): void {
    let number = 0
    while (this.#workers.has(`${tier}-${number}`)) number++
    const client = new HttpWorkerClient(address)
    this.#workers.set(`${tier}-${number}`, { tier, client })
    this.#registry.add(`${tier}-${number}`, tier, client)
  }
}
