/**
 * One measurement of our engine, printed as one JSON line: a `Measurement`.
 *
 *   node ours.js CHECKPOINT RANKS PROMPT_TOKENS DECODE_TOKENS
 */
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'

const [directory = '', ...numbers] = process.argv.slice(2)
const [ranks = 1, promptTokens = 128, decodeTokens = 64] = numbers.map(Number)

const start = performance.now()
const engine = await V4Engine.open(directory, { ranks, contextTokens: promptTokens + decodeTokens + 64 })
const loadMs = performance.now() - start
const description = engine.describe()

const prefillStart = performance.now()
const prefillCpu = process.cpuUsage()
let decodeCpu = prefillCpu
let prefillMs = 0
let decodeStart = 0
let decoded = 0
const events = engine.generate({
  requestId: 'benchmark',
  attempt: 1,
  tier: 'flash',
  checkpoint: description.checkpoint.name,
  tokenIds: Array.from({ length: promptTokens }, (_, i) => 3 + (i * 37 + 11) % 200),
  sampling: { temperature: 0, topP: 1, maxTokens: decodeTokens + 1, stopTokenIds: [] }
}, new AbortController().signal)
for await (const event of events) {
  if (event.type === 'fail') throw new Error(event.message)
  if (event.type !== 'tokens') continue
  if (decodeStart === 0) {
    decodeStart = performance.now()
    decodeCpu = process.cpuUsage()
    prefillMs = decodeStart - prefillStart
  } else decoded += event.ids.length
}
const decodeMs = performance.now() - decodeStart
const end = process.cpuUsage()
const secondsBetween = (from: NodeJS.CpuUsage, to: NodeJS.CpuUsage): number => (to.user + to.system - from.user - from.system) / 1e6
process.stdout.write(JSON.stringify({
  loadMs,
  residentBytes: process.memoryUsage.rss(),
  prefillTokensPerSecond: promptTokens / prefillMs * 1000,
  decodeTokensPerSecond: decoded / decodeMs * 1000,
  prefillTokensPerCpuSecond: promptTokens / secondsBetween(prefillCpu, decodeCpu),
  decodeTokensPerCpuSecond: decoded / secondsBetween(decodeCpu, end)
}) + '\n')
await engine.close()
