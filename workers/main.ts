/**
 * The worker process: one engine behind one HTTP server.
 *
 *   node workers/main.js --worker-id flash-0 --tier flash --engine v4 --checkpoint DIR [--ranks N]
 *     [--mode exact|qat_sim] [--context-tokens N]
 *     (--socket PATH | --port N [--host ADDRESS]) [--grace-ms N] [--supervised] [--log-level LEVEL]
 *     [--register http://gateway:9464 --advertise http://this-host:N] (GEARBOX_ADMIN_SECRET: of the gateway's operator port)
 *   ... --engine simulator [--script FILE]
 *   ... --engine vllm|sglang|llama-server|openai --url URL [--model NAME] [--api-key-env VARIABLE] [--start-ms N]
 *     --checkpoint-name NAME [--revision R] [--effort-ladder 0731|preview] [--context-tokens N] [--thinking deepseek|template]
 *     [--constraints json,schema] [--abort safe|drain|never]
 *   ... --engine llama --path FILE.gguf --checkpoint-name NAME --context-tokens N [--llama-from DIR] [--threads N]
 *     [--sequences N] [--gpu-layers N] [--kv-type F16|F32]
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
