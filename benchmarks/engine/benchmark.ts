/**
 * Our engine and llama.cpp in turns, in one run, on the same weights: FP4 experts (MXFP4 there, lossless), other
 * matrices FP8 here and Q8_0 there. Writes results.json, results.md and results.svg beside this file's source; rows of
 * earlier runs stay until their case is measured again.
 *
 *   npm run build && (cd benchmarks/engine/peer && npm ci --omit=optional)
 *   node dist/benchmarks/engine/benchmark.js [--rounds 5] [--models flash-mini,pro-mini,medium] [--threads 1,2] [--contexts 128,512,4096]
 *
 * Each measurement is a process of its own. A machine that does other work at the same time spoils absolute figures
 * and, less, ratios: the load average is printed beside them.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { writeV4Gguf } from '../../workers/engines/llama/gguf/v4-gguf.js'
import { machineConditions } from './machine-conditions.js'
import { median, type Measurement, type Row } from './measurement.js'
import { saveComparison } from './save-comparison.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'flash-mini,pro-mini,medium' },
    threads: { type: 'string', default: '1,2' },
    contexts: { type: 'string', default: '128,512,4096' }
  }
})
const rounds = Number(values.rounds)
const work = mkdtempSync(join(tmpdir(), 'gearbox-benchmark-'))

/** About 850 million parameters: large enough that weights leave every cache. */
const mediumKeys = {
  vocab_size: 8192,
  hidden_size: 1024,
  num_hidden_layers: 8,
  num_attention_heads: 16,
  head_dim: 128,
  qk_rope_head_dim: 64,
  q_lora_rank: 512,
  o_groups: 4,
  o_lora_rank: 512,
  compress_ratios: [0, 0, 4, 128, 4, 128, 4, 4],
  index_n_heads: 16,
  index_head_dim: 128,
  index_topk: 512,
  n_routed_experts: 64,
  num_experts_per_tok: 6,
  moe_intermediate_size: 512,
  num_hash_layers: 1
}

async function checkpointOf (model: string): Promise<string> {
  if (model !== 'medium') return join(root, 'models', model)
  const directory = join(work, 'medium')
  await writeRandomCheckpoint(directory, { tier: 'pro', name: 'medium', configKeys: mediumKeys })
  return directory
}

async function measure (program: string, ...words: Array<string | number>): Promise<Measurement> {
  const { stdout } = await run(process.execPath, [program, ...words.map(String)], { maxBuffer: 2 ** 24 })
  return JSON.parse(stdout)
}

const cases = values.threads.split(',').map(Number).flatMap(threads => [
  { threads, context: 128, decode: 64 },
  { threads, context: 512, decode: 16 },
  { threads, context: 4096, decode: 32 }
]).filter(({ context }) => values.contexts.split(',').includes(String(context)))

async function measureModel (model: string): Promise<Row[]> {
  const directory = await checkpointOf(model)
  if (!existsSync(join(directory, 'config.json'))) {
    process.stderr.write(`${model}: no checkpoint, left out\n`)
    return []
  }
  const checkpoint = await openCheckpoint(directory)
  const gguf = join(work, `${model}.gguf`)
  await writeV4Gguf(checkpoint, gguf, { weights: 'packed', tokenizerJson: readFileSync(join(directory, 'tokenizer.json'), 'utf8') })
  await checkpoint.close()
  const weightBytes = statSync(join(directory, 'model.safetensors')).size
  const measured: Row[] = []
  for (const { threads, context, decode } of cases) {
    const ours: Measurement[] = []
    const theirs: Measurement[] = []
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(join(root, 'dist/benchmarks/engine/ours.js'), directory, threads, context, decode))
      theirs.push(await measure(join(root, 'benchmarks/engine/peer/llama.js'), gguf, threads, context, decode))
      process.stderr.write(`${model}, ${threads} thread(s), context ${context}: round ${round + 1} of ${rounds}\n`)
    }
    measured.push({ model, threads, context, weightBytes, ours: median(ours), theirs: median(theirs), conditions: `${machineConditions()}, medians of ${rounds} rounds in turns` })
  }
  return measured
}

try {
  for (const model of values.models.split(',')) saveComparison(join(root, 'benchmarks/engine'), await measureModel(model))
} finally {
  rmSync(work, { recursive: true })
}
process.stdout.write(readFileSync(join(root, 'benchmarks/engine/results.md'), 'utf8'))
