/**
 * Prints the probabilities that llama.cpp gives at every position of a token sequence, as one JSON line.
 * Run as a child process, so that a crash of the native library is a failed check and not a dead test runner.
 *
 *   node llama-probabilities.js FILE.gguf 1,2,3
 */
import { getLlama } from 'node-llama-cpp'

const [modelPath, tokens] = process.argv.slice(2)
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: 1 })
const model = await llama.loadModel({ modelPath, gpuLayers: 0, useMmap: false, checkTensors: true })
const context = await model.createContext({
  contextSize: 1024,
  batchSize: 512,
  threads: 1,
  sequences: 1,
  flashAttention: false,
  // The default cache is f16, whose rounding is larger than the differences looked for here.
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32'
})
const plain = { temperature: 1, topK: 0, topP: 1, minP: 0 }
const rows = await context.getSequence().controlledEvaluate(
  tokens.split(',').map(token => [Number(token), { generateNext: { probabilities: true, options: plain } }])
)
const probabilities = rows.map(row => {
  const dense = []
  for (const [token, probability] of row.next.probabilities) dense[token] = probability
  return dense
})
process.stdout.write(JSON.stringify({ probabilities }) + '\n')
await llama.dispose()
