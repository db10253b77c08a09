import type { WorkerClient } from '../../src/dispatch/worker-client.js'

const refuse = async (): Promise<never> => { throw new Error('a simulated worker has no wire') }

/** Records of workers need a client; here nobody calls it. */
export const unreachableClient: WorkerClient = {
  address: 'simulated:',
  readiness: refuse,
  describe: refuse,
  load: refuse,
  generate: () => { throw new Error('a simulated worker has no wire') },
  abort: refuse,
  drain: refuse,
  close: async () => {},
  destroy: async () => {}
}
