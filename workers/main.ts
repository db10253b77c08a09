/**
 * The worker process: one engine behind one HTTP server.
 *
 *   node workers/main.js --worker-id flash-0 --tier flash --engine v4 --checkpoint DIR [--ranks N]
 *     [--mode exact|qat_sim] [--context-tokens N]
 *     (--socket PATH | --port N [--host ADDRESS]) [--grace-ms N] [--supervised] [--log-level LEVEL]
 *   node workers/main.js --worker-id flash-0 --tier flash --engine simulator [--script FILE] ...
 */
import { parseFlags, type WorkerFlags } from './worker-flags.js'
import { runWorker } from './worker-process.js'

const flags = readFlags()
if (flags !== null) await runWorker(flags)

function readFlags (): WorkerFlags | null {
  try {
    return parseFlags(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`worker: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
    return null
  }
}
