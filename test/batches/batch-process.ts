/** A gateway with batches in the folder given, for a test that kills it. Prints its address, and `job <custom_id>` for each job begun. */
import { openBatchStores } from '../../src/stores/open-batch-stores.js'
import { replies, startGateway } from '../http/start-gateway.js'

const [folder = ''] = process.argv.slice(2)
const { url } = await startGateway({ after: () => {} }, {
  answer: replies(prompt => {
    const name = /request (\S+?)</.exec(prompt)?.[1] ?? '?'
    process.stdout.write(`job ${name}\n`)
    return `Answer to ${name}`
  }),
  simulator: { timing: { decodeMs: 10 } },
  batches: {
    stores: openBatchStores(folder),
    findCaller: async () => null,
    concurrency: 3,
    maxFileBytes: 1024 * 1024,
    maxFiles: 100,
    maxBytesPerKey: 10 * 1024 * 1024,
    isOffPeak: () => true
  }
})
process.stdout.write(`listens ${url}\n`)
