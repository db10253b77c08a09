/** A process that starts an embedded worker, prints the worker's address once it is ready, and stays. */
import { pino } from 'pino'
import { EmbeddedWorkers } from '../../src/dispatch/embedded-workers.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'

const logger = pino({ level: 'silent' })
const registry = new WorkerRegistry({ logger })
const workers = new EmbeddedWorkers({ registry, logger, workers: [{ workerId: 'flash-0', tier: 'flash', engine: { engine: 'simulator', scriptPath: null } }] })
await workers.whenReady()
process.stdout.write(`${registry.list()[0]?.client.address}\n`)
