/**
 * One measurement of llama.cpp, printed as one JSON line: {loadMs, residentBytes, prefillTokensPerSecond, decodeTokensPerSecond}.
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

const prefillStart = performance.now()
await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(0, -1))
const prefillMs = performance.now() - prefillStart

let count = 0
let decodeStart = 0
for await (const _ of sequence.evaluate(prompt.slice(-1), { temperature: 0, yieldEogToken: true })) {
  // The first token carries the last prompt token and the start of the sampler.
  if (count++ === 0) decodeStart = performance.now()
  if (count > decodeTokens) break
}
const decodeMs = performance.now() - decodeStart
process.stdout.write(JSON.stringify({
  loadMs,
  residentBytes: process.memoryUsage.rss(),
  prefillTokensPerSecond: (promptTokens - 1) / prefillMs * 1000,
  decodeTokensPerSecond: decodeTokens / decodeMs * 1000
}) + '\n')
await llama.dispose()
