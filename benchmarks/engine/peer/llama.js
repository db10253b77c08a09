/**
 * One measurement of llama.cpp, printed as one JSON line: a `Measurement`.
 *
 *   node llama.js FILE.gguf THREADS PROMPT_TOKENS DECODE_TOKENS
 */
import { getLlama } from 'node-llama-cpp'

const [modelPath, ...numbers] = process.argv.slice(2)
const [threads, promptTokens, decodeTokens] = numbers.map(Number)

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'disabled', maxThreads: threads })
const start = performance.now()
const model = await llama.loadModel({ modelPath, gpuLayers: 0, useMmap: false })
const loadMs = performance.now() - start
const context = await model.createContext({ contextSize: promptTokens + decodeTokens + 64, batchSize: 512, threads, sequences: 1, flashAttention: false })
const sequence = context.getSequence()
const prompt = Array.from({ length: promptTokens }, (_, i) => 3 + (i * 37 + 11) % 200)

const secondsSince = from => {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1e6
}

const prefillStart = performance.now()
const prefillCpu = process.cpuUsage()
await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, -1))
const prefillMs = performance.now() - prefillStart
const prefillCpuSeconds = secondsSince(prefillCpu)

let count = 0
let decodeStart = 0
let decodeCpu
for await (const _ of sequence.evaluate(prompt.slice(-1), { temperature: 0, yieldEogToken: true })) {
  // The first token carries the last prompt token and the start of the sampler.
  if (count++ === 0) {
    decodeStart = performance.now()
    decodeCpu = process.cpuUsage()
  }
  if (count > decodeTokens) break
}
const decodeMs = performance.now() - decodeStart
const decodeCpuSeconds = secondsSince(decodeCpu)
process.stdout.write(JSON.stringify({
  loadMs,
  residentBytes: process.memoryUsage.rss(),
  prefillTokensPerSecond: (promptTokens - 1) / prefillMs * 1000,
  decodeTokensPerSecond: decodeTokens / decodeMs * 1000,
  prefillTokensPerCpuSecond: (promptTokens - 1) / prefillCpuSeconds,
  decodeTokensPerCpuSecond: decodeTokens / decodeCpuSeconds
}) + '\n')
await llama.dispose()
