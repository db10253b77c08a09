/**
 * One layer of Flash at its true size, random weights in the official layout, through the real loader and kernels: seconds
 * a token, bytes a second, and what that makes for the whole network on paper; then how tiers fit the rank layout.
 * Writes true-size.md and true-size.svg. Takes 4 GB of disk (TMPDIR) and 8 GB of memory, and gives them back.
 *
 *   npm run build && node dist/benchmarks/engine/true-size.js [--kinds csa,hca] [--ranks 1] [--rounds 3]
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { flashConfigKeys, proConfigKeys } from '../../test/workers/engines/v4/checkpoint/official-releases.js'
import { type Checkpoint } from '../../workers/engines/v4/checkpoint/checkpoint.js'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { drawBars } from './draw-bars.js'
import { machineConditions } from './machine-conditions.js'
import { median, type Measurement } from './measurement.js'
import { planRanks } from './rank-plan.js'
import { streamRate } from './stream-rate.js'
import { timeHead } from './time-head.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const { values } = parseArgs({
  options: { kinds: { type: 'string', default: 'csa,hca' }, ranks: { type: 'string', default: '1' }, rounds: { type: 'string', default: '3' } }
})
const rounds = Number(values.rounds)
const promptTokens = 192
const decodeTokens = 24

/** Layers of each kind in the network, and the ratio that makes one. */
const kinds = { csa: { ratio: 4, layers: 21 }, hca: { ratio: 128, layers: 20 } } as const
type Kind = keyof typeof kinds
const windowLayers = 2

/** Bytes of weights that one decoded token reads, from section 9.4 of the architecture. */
const bytesPerToken = { flash: 11.22e9, pro: 39.67e9 }

interface LayerResult {
  kind: Kind
  ranks: number
  fileBytes: number
  touchedBytes: number
  figures: Measurement
  /** Of processor time with one rank, of the wall with more. */
  stepMs: number
}

/** Weights that a decoded token reads: all of the layer, but of the experts only those chosen. */
function touchedBytes ({ tensors, config }: Checkpoint): number {
  const chosen = config.expertsPerToken / config.expertCount
  return [...tensors.values()].reduce((sum, { name, byteLength }) => sum + (name.startsWith('embed') ? 0 : name.includes('.experts.') ? byteLength * chosen : byteLength), 0)
}

async function measureLayer (kind: Kind): Promise<LayerResult[]> {
  const directory = mkdtempSync(join(tmpdir(), `gearbox-${kind}-`))
  try {
    await writeRandomCheckpoint(directory, {
      tier: 'flash',
      name: `flash-${kind}-layer`,
      configKeys: { ...flashConfigKeys, num_hidden_layers: 1, compress_ratios: [kinds[kind].ratio], num_hash_layers: 0, vocab_size: 1024, max_position_embeddings: 4096 }
    })
    const checkpoint = await openCheckpoint(directory)
    await checkpoint.close()
    const results: LayerResult[] = []
    for (const ranks of values.ranks.split(',').map(Number)) {
      const measured: Measurement[] = []
      for (let round = 0; round < rounds; round++) {
        const { stdout } = await run(process.execPath, [join(root, 'dist/benchmarks/engine/ours.js'), directory, String(ranks), String(promptTokens), String(decodeTokens)])
        measured.push(JSON.parse(stdout))
        process.stderr.write(`${kind}, ${ranks} rank(s), round ${round + 1} of ${rounds}: ${stdout}`)
      }
      const figures = median(measured)
      const fileBytes = [...checkpoint.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
      results.push({ kind, ranks, fileBytes, touchedBytes: touchedBytes(checkpoint), figures, stepMs: 1000 / (ranks === 1 ? figures.decodeTokensPerCpuSecond ?? NaN : figures.decodeTokensPerSecond) })
    }
    return results
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const rankPlans = [
  ...await planRanks('Flash', flashConfigKeys, [1, 2, 4, 8]),
  ...await planRanks('Pro', proConfigKeys, [2, 3, 4, 8, 16])
]
const layers: LayerResult[] = []
for (const kind of ['csa', 'hca'] as const) if (values.kinds.split(',').includes(kind)) layers.push(...await measureLayer(kind))
const headMs = timeHead(flashConfigKeys.vocab_size, flashConfigKeys.hidden_size)
const machineRate = streamRate()

const rateOf = ({ touchedBytes, stepMs }: LayerResult): number => touchedBytes / stepMs * 1000
/** Milliseconds of a Flash token; a window layer counts as one without indexer, which is a little more than it is. */
function flashTokenMs (ranks: number): number {
  const stepOf = (kind: Kind): number => layers.find(layer => layer.kind === kind && layer.ranks === ranks)?.stepMs ?? NaN
  return kinds.csa.layers * stepOf('csa') + (kinds.hca.layers + windowLayers) * stepOf('hca') + headMs
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2)
const rankCounts = [...new Set(layers.map(({ ranks }) => ranks))]
const rate = Math.min(...layers.filter(({ ranks }) => ranks === rankCounts[0]).map(rateOf))
const page = [
  '# One layer of Flash at its true size',
  '',
  `${machineConditions()}, medians of ${rounds} rounds. Hidden 4096, 64 heads of 512, 256 experts of width 2048, top 6: random weights, FP4 experts, FP8 linears, BF16 and F32 rest, as released.`,
  'A step is one token through the layer at a context of about 200 tokens; its embedding and a head of 1,024 words are in it.',
  'With one rank, prefill and step are processor time, which other work on the machine disturbs less than the wall\'s; with more, the wall\'s.',
  '',
  '![milliseconds a layer and a token](true-size.svg)',
  '',
  '| layer | ranks | weights GB | load s | resident / weights | prefill tok/s | step ms | weights read a token MB | GB/s |',
  '|---|---|---|---|---|---|---|---|---|',
  ...layers.map(layer => {
    const { kind, ranks, fileBytes, figures, stepMs } = layer
    return `| ${[kind.toUpperCase(), ranks, gigabytes(fileBytes), (figures.loadMs / 1000).toFixed(1), (figures.residentBytes / fileBytes).toFixed(3), (ranks === 1 ? figures.prefillTokensPerCpuSecond ?? NaN : figures.prefillTokensPerSecond).toFixed(1), stepMs.toFixed(1), (layer.touchedBytes / 1e6).toFixed(0), gigabytes(rateOf(layer))].join(' | ')} |`
  }),
  '',
  `The head (129,280 x 4096 in BF16, 1.06 GB) takes ${headMs.toFixed(0)} ms. One thread of this machine that only looks through a gigabyte of memory (memchr) reads ${gigabytes(machineRate)} GB/s.`,
  '',
  '## On paper',
  '',
  ...rankCounts.map(ranks => {
    const ms = flashTokenMs(ranks)
    return `- Flash, all ${kinds.csa.layers + kinds.hca.layers + windowLayers} layers and the head, ${ranks} rank${ranks > 1 ? 's' : ''} (as here, not one a socket): ${(ms / 1000).toFixed(2)} s a token, ${(1000 / ms).toFixed(2)} tok/s, ${gigabytes(bytesPerToken.flash / ms * 1000)} GB/s.`
  }),
  `- Pro reads ${gigabytes(bytesPerToken.pro)} GB a token: at ${gigabytes(rate)} GB/s that is ${(bytesPerToken.pro / rate).toFixed(1)} s.`,
  '- Ranks divide the rows of every large matrix: attention by groups of heads (8 in Flash, 16 in Pro, so that more ranks than that stop helping there), experts, shared expert and head evenly. Router, streams and caches are whole on each.',
  '',
  '## Does a tier fit the rank layout?',
  '',
  'A WebAssembly memory holds 4 GiB; a rank has as many as it needs, and a layer is never divided between two. So the one hard',
  'condition is that a layer\'s share of a rank (its rows of the weights, scratch and caches) is below 4 GiB. Caches here: 4 sequences,',
  '2 x 128K tokens at once. An arena reserves 10.5 GB of address space and no memory; 400 of them in one process are no difficulty on Linux.',
  '',
  '| tier | ranks | one layer GB | fits | layers an arena | arenas a rank | weights on the host GB |',
  '|---|---|---|---|---|---|---|',
  ...rankPlans.map(({ tier, ranks, layerBytes, layersPerArena, arenasPerRank, hostBytes }) =>
    `| ${[tier, ranks, gigabytes(layerBytes), layersPerArena > 0 ? 'yes' : 'no', layersPerArena, layersPerArena > 0 ? arenasPerRank : '-', (hostBytes / 1e9).toFixed(0)].join(' | ')} |`),
  ''
].join('\n')
process.stdout.write(page)
writeFileSync(join(root, 'benchmarks/engine/true-size.md'), page)
writeFileSync(join(root, 'benchmarks/engine/true-size.svg'), drawBars('Flash at its true size: milliseconds a token', [
  ...layers.map(({ kind, ranks, stepMs }) => ({ label: `one ${kind.toUpperCase()} layer, ${ranks} rank${ranks > 1 ? 's' : ''}`, value: stepMs, colour: '#2563eb' })),
  { label: 'head', value: headMs, colour: '#f59e0b' },
  ...rankCounts.map(ranks => ({ label: `all layers and head, ${ranks} rank${ranks > 1 ? 's' : ''} (paper)`, value: flashTokenMs(ranks), colour: '#94a3b8' }))
]))
