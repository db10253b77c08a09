/**
 * The second turn of a long conversation: time to the first token when the first turn's prefix is cached, beside the same
 * prompt computed cold, in turns in one run; and whether both give the same tokens. Writes follow-up.md and follow-up.svg.
 *
 *   npm run build && node dist/benchmarks/engine/follow-up.js [--models flash-mini,pro-mini] [--tokens 8192] [--rounds 5]
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'
import { drawBars } from './draw-bars.js'
import { machineConditions } from './machine-conditions.js'
import { medianOf, timeJob, variedTokens } from './time-job.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { values } = parseArgs({
  options: { models: { type: 'string', default: 'flash-mini,pro-mini' }, tokens: { type: 'string', default: '8192' }, rounds: { type: 'string', default: '5' } }
})
const rounds = Number(values.rounds)
const promptTokens = Number(values.tokens)
/** What the first turn answers, and what the person says then. */
const answerTokens = 64
const questionTokens = 64
const comparedTokens = 64

interface Result {
  model: string
  coldMs: number
  cachedMs: number
  cpuRatio: number
  cachedTokens: number
  turnTokens: number
  isSame: boolean
}

async function measure (model: string): Promise<Result> {
  const engine = await V4Engine.open(join(root, 'models', model))
  const cold: number[] = []
  const cached: number[] = []
  const cpuRatios: number[] = []
  let cachedTokens = 0
  let turnTokens = 0
  let isSame = true
  try {
    for (let round = 0; round < rounds; round++) {
      const prompt = variedTokens(promptTokens, round)
      const { ids } = await timeJob(engine, prompt, answerTokens, `round-${round}`)
      const turn = [...prompt, ...ids, ...variedTokens(questionTokens, 1000 + round)]
      const warm = await timeJob(engine, turn, comparedTokens, `round-${round}`)
      const fresh = await timeJob(engine, turn, comparedTokens, `cold-${round}`)
      if (fresh.cachedTokens !== 0) throw new Error('the cold run was not cold')
      cached.push(warm.firstTokenMs)
      cold.push(fresh.firstTokenMs)
      cpuRatios.push(warm.firstTokenCpuMs / fresh.firstTokenCpuMs)
      cachedTokens = warm.cachedTokens
      turnTokens = turn.length
      isSame &&= warm.ids.join() === fresh.ids.join()
      process.stderr.write(`${model}: round ${round + 1} of ${rounds}: ${warm.firstTokenMs.toFixed(1)} ms cached, ${fresh.firstTokenMs.toFixed(1)} ms cold\n`)
    }
  } finally {
    await engine.close()
  }
  return { model, coldMs: medianOf(cold), cachedMs: medianOf(cached), cpuRatio: medianOf(cpuRatios), cachedTokens, turnTokens, isSame }
}

const results: Result[] = []
for (const model of values.models.split(',')) results.push(await measure(model))

const page = [
  '# A follow-up turn',
  '',
  `${machineConditions()}, medians of ${rounds} rounds. Goal: time to the first token at most 0.15 times that of a cold run, and the same tokens.`,
  '',
  '![time to the first token](follow-up.svg)',
  '',
  '| model | tokens of the turn | of them cached | first token, cached ms | cold ms | ratio | ratio of processor time | same tokens |',
  '|---|---|---|---|---|---|---|---|',
  ...results.map(({ model, coldMs, cachedMs, cpuRatio, cachedTokens, turnTokens, isSame }) =>
    `| ${model} | ${turnTokens} | ${cachedTokens} | ${cachedMs.toFixed(1)} | ${coldMs.toFixed(0)} | ${(cachedMs / coldMs).toFixed(3)} | ${cpuRatio.toFixed(3)} | ${isSame ? `${comparedTokens} of ${comparedTokens}, every round` : 'NO'} |`),
  ''
].join('\n')
process.stdout.write(page)
writeFileSync(join(root, 'benchmarks/engine/follow-up.md'), page)
writeFileSync(join(root, 'benchmarks/engine/follow-up.svg'), drawBars('Time to the first token of a follow-up turn, ms', results.flatMap(({ model, coldMs, cachedMs }) => [
  { label: `${model}, cold`, value: coldMs, colour: '#94a3b8' },
  { label: `${model}, cached`, value: cachedMs, colour: '#2563eb' }
])))
if (results.some(({ isSame }) => !isSame)) process.exitCode = 1
