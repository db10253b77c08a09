/**
 * What a step of one rank costs, by how many sequences decode in it, and of a prompt: tokens per second of processor time,
 * and ratios to one sequence alone.
 *
 *   npm run build && node dist/benchmarks/kernels/steps.js [--models flash-mini,pro-mini,wide] [--context 128] [--rounds 7]
 *
 * Processor time, since other work on the machine stretches the clock but hardly that; all sizes take turns in one process.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { type ForwardPass } from '../../workers/engines/v4/model/forward-pass.js'
import { loadModel, soleRank } from '../../workers/engines/v4/model/load-model.js'
import { type ForwardSlice } from '../../workers/engines/v4/model/step.js'
import { Sequence } from '../../workers/engines/v4/sequence/sequence.js'

const { values } = parseArgs({ options: { models: { type: 'string', default: 'flash-mini,pro-mini,wide' }, context: { type: 'string', default: '128' }, rounds: { type: 'string', default: '7' } } })
const context = Number(values.context)
const rounds = Number(values.rounds)
const batches = [1, 2, 4, 8, 16, 32, 64]
const measureMs = 150
const blockTokens = 128

/** Wide enough that the kernels weigh more than what surrounds them; its weights leave the second cache level. */
const wideKeys = {
  vocab_size: 4096,
  hidden_size: 1024,
  num_attention_heads: 16,
  head_dim: 128,
  qk_rope_head_dim: 64,
  q_lora_rank: 512,
  o_groups: 4,
  o_lora_rank: 256,
  compress_ratios: [0, 4, 128, 4],
  index_n_heads: 16,
  index_head_dim: 128,
  index_topk: 512,
  n_routed_experts: 16,
  num_experts_per_tok: 6,
  moe_intermediate_size: 512
}

function tokenAt (position: number, sequence: number): number {
  return 3 + (position * 37 + sequence * 11) % 200
}

class Workload {
  readonly #pass: ForwardPass
  readonly #sequences: readonly Sequence[]

  constructor (pass: ForwardPass) {
    this.#pass = pass
    const blocks = Math.ceil((context + 64) / blockTokens)
    this.#sequences = Array.from({ length: 64 }, (_, slot) => new Sequence(slot, Int32Array.from({ length: blocks }, (_, i) => slot * blocks + i)))
    for (const [index, sequence] of this.#sequences.entries()) {
      while (sequence.position < context) this.prefill(index, Math.min(64, context - sequence.position))
    }
  }

  /** One step of `rows` sequences, which stay where they are: a step is repeated, not continued. */
  decode (rows: number): void {
    const slices: ForwardSlice[] = []
    for (let index = 0; index < rows; index++) {
      const sequence = this.#sequences[index]
      if (sequence !== undefined) slices.push({ sequence, tokenIds: [tokenAt(context, index)], wants: 'last' })
    }
    this.#pass.forward(slices)
    for (const { sequence } of slices) sequence.position = context
  }

  prefill (index: number, rows: number): void {
    const sequence = this.#sequences[index]
    if (sequence === undefined) return
    const tokenIds = Array.from({ length: rows }, (_, i) => tokenAt(sequence.position + i, index))
    this.#pass.forward([{ sequence, tokenIds, wants: 'last' }])
  }

  /** From nothing, 64 rows at a time. */
  prompt (): void {
    const [sequence] = this.#sequences
    if (sequence === undefined) return
    sequence.position = 0
    while (sequence.position < context) this.prefill(0, Math.min(64, context - sequence.position))
  }
}

/** Tokens of a processor second. */
function rate (tokens: number, run: () => void): number {
  const start = process.cpuUsage()
  const end = performance.now() + measureMs
  let turns = 0
  do {
    run()
    turns++
  } while (performance.now() < end)
  return tokens * turns / process.cpuUsage(start).user * 1e6
}

function median (figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN
}

async function measure (model: string, work: string): Promise<void> {
  const directory = model === 'wide' ? join(work, 'wide') : join(fileURLToPath(new URL('../../../models/', import.meta.url)), model)
  if (model === 'wide') await writeRandomCheckpoint(directory, { tier: 'pro', name: 'wide', configKeys: wideKeys })
  const checkpoint = await openCheckpoint(directory)
  const blocks = 64 * Math.ceil((context + 64) / blockTokens)
  const workload = new Workload(await loadModel(checkpoint, { ...soleRank, maxRows: 64, contextTokens: context + 64, capacity: { slots: 64, blocks, snapshots: 0 } }))
  await checkpoint.close()
  const figures = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const rows of batches) figures.set(`${rows}`, [...figures.get(`${rows}`) ?? [], rate(rows, () => { workload.decode(rows) })])
    figures.set('prompt', [...figures.get('prompt') ?? [], rate(context, () => { workload.prompt() })])
  }
  const alone = median(figures.get('1') ?? [])
  process.stdout.write(`${model}, context ${context}: ${[...figures].map(([name, rates]) => `${name === 'prompt' ? name : `b${name}`} ${median(rates).toFixed(0)} (${(median(rates) / alone).toFixed(2)}x)`).join('   ')}\n`)
}

const work = mkdtempSync(join(tmpdir(), 'gearbox-steps-'))
try {
  for (const model of values.models.split(',')) await measure(model, work)
} finally {
  rmSync(work, { recursive: true })
}
