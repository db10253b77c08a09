/**
 * One sequence from 1K to 128K tokens on a mini whose config states so many positions: what the cache takes, what a step
 * takes, how fast the prompt is read, and that no token of it is read twice. Writes long-context.md and long-context.svg.
 *
 *   npm run build && node dist/benchmarks/engine/long-context.js [--model flash-mini] [--most 131072] [--steps 64]
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readV4Config, type V4Config } from '../../workers/engines/v4/checkpoint/config.js'
import { kvFloatsPerToken } from '../../workers/engines/v4/sequence/kv-layout.js'
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'
import { type Curve, drawCurves } from './draw-curve.js'
import { machineConditions } from './machine-conditions.js'
import { timeJob, variedTokens } from './time-job.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { values } = parseArgs({
  options: { model: { type: 'string', default: 'flash-mini' }, most: { type: 'string', default: '131072' }, steps: { type: 'string', default: '64' } }
})
const most = Number(values.most)
const steps = Number(values.steps)
const floatBytes = 4

interface Point {
  context: number
  /** From the context before to this one, a second of processor time. */
  prefillTokensPerCpuSecond: number
  stepCpuMs: number
  cachedTokens: number
  /** Prompt tokens that the engine says it computed for this job. */
  computedTokens: number
}

/** Of compressed state a token, from the config alone: CSA layers hold an entry and an indexer key for 4 tokens, others one entry a ratio. */
function kvBytesByFormula ({ compressRatios, headDim, indexHeadDim }: V4Config): number {
  return compressRatios.reduce((sum, ratio) => sum + (ratio === 0 ? 0 : (headDim + (ratio === 4 ? indexHeadDim : 0)) / ratio), 0) * floatBytes
}

/** Each prompt goes on where the one before ended, from the prefix cache, so that 128K tokens are computed and not 255K. */
async function measure (engine: V4Engine): Promise<Point[]> {
  const points: Point[] = []
  const text = variedTokens(most)
  // Code that was not compiled yet would be in the first figures.
  await timeJob(engine, variedTokens(512, 1), steps, 'warm')
  for (let context = 1024; context <= most; context *= 2) {
    const before = engine.load().promptTokensTotal ?? NaN
    const timing = await timeJob(engine, text.slice(0, context - steps - 1), steps + 1)
    const computedTokens = (engine.load().promptTokensTotal ?? NaN) - before
    points.push({
      context,
      prefillTokensPerCpuSecond: computedTokens / timing.firstTokenCpuMs * 1000,
      stepCpuMs: timing.decodeCpuMs / timing.stepMs.length,
      cachedTokens: timing.cachedTokens,
      computedTokens
    })
    process.stderr.write(`${context}: ${JSON.stringify(points.at(-1))}\n`)
  }
  return points
}

const directory = mkdtempSync(join(tmpdir(), 'gearbox-long-'))
try {
  cpSync(join(root, 'models', values.model), directory, { recursive: true })
  const keys = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...keys, max_position_embeddings: most }))
  const config = readV4Config(readFileSync(join(directory, 'config.json'), 'utf8'))
  const engine = await V4Engine.open(directory, { maxRunning: 1, prefixCacheBytes: 2 ** 30 })
  writePage(config, await measure(engine).finally(async () => { await engine.close() }))
} finally {
  rmSync(directory, { recursive: true })
}

function writePage (config: V4Config, points: readonly Point[]): void {
  const formula = kvBytesByFormula(config)
  const layout = kvFloatsPerToken(config, config.compressRatios.map((_, layer) => layer)) * floatBytes
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) throw new Error('nothing was measured')
  const growth = (last.stepCpuMs - first.stepCpuMs) / (last.context - first.context) * 1024 * 1000
  const table = points.map(({ context, prefillTokensPerCpuSecond, stepCpuMs, cachedTokens, computedTokens }) =>
    `| ${context / 1024}K | ${cachedTokens} | ${computedTokens} | ${prefillTokensPerCpuSecond.toFixed(0)} | ${stepCpuMs.toFixed(3)} | ${(stepCpuMs / first.stepCpuMs).toFixed(2)} | ${(context * layout / 1e6).toFixed(2)} |`)
  const page = [
    '# Long context',
    '',
    `${values.model} with max_position_embeddings ${most}, one rank, one sequence. ${machineConditions()}; ${steps} steps at each context. Rates are of processor time, which other work on the machine disturbs less than the wall's.`,
    '',
    `- Cache: ${layout} bytes a token by the layout, ${formula} by the formula of the architecture in f32: ${layout === formula ? 'equal' : 'NOT equal'}. Half of it would be bf16.`,
    `- A step grows by ${growth.toFixed(2)} microseconds for each 1,024 tokens of context: ${(last.stepCpuMs / first.stepCpuMs).toFixed(2)} times from ${first.context / 1024}K to ${last.context / 1024}K, ${last.context / first.context} times the context. What grows is the indexer's scan (a key for 4 tokens) and the heavily compressed entries (one for 128).`,
    `- Prompt tokens are counted by the engine as it computes them. Each prompt goes on where the one before ended: cached and computed tokens add up to its length${points.every(({ context, cachedTokens, computedTokens }) => cachedTokens + computedTokens === context - steps - 1) ? '' : ' - NOT SO'}, so that no token is read twice.`,
    '',
    '![step time and prefill against context](long-context.svg)',
    '',
    '| context | prompt tokens cached | computed | prefill tok/s of these | decode step ms | of that at 1K | cache MB |',
    '|---|---|---|---|---|---|---|',
    ...table,
    ''
  ].join('\n')
  process.stdout.write(page)
  writeFileSync(join(root, 'benchmarks/engine/long-context.md'), page)
  const curve = (name: string, colour: string, of: (point: Point) => number): Curve => ({ name, colour, points: points.map(point => [point.context, of(point)] as const) })
  writeFileSync(join(root, 'benchmarks/engine/long-context.svg'), drawCurves([
    { title: 'Decode step against context, ms of processor time', curves: [curve('step', '#2563eb', ({ stepCpuMs }) => stepCpuMs)] },
    { title: 'Prompt read from the context before to this one, tokens a second of processor time', curves: [curve('prefill', '#f59e0b', ({ prefillTokensPerCpuSecond }) => prefillTokensPerCpuSecond)] }
  ], context => `${context / 1024}K`))
}
