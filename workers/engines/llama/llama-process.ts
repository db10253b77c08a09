/**
 * The process that holds llama.cpp: a crash of native code ends this process and not the worker, which can still say so.
 * Jobs run on sequences of one context, which llama.cpp computes in common batches; others wait for a sequence.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JobEvent } from '../../contract/event.js'
import type { Job } from '../../contract/job.js'
import { findLlamaModule, importLlamaModule, type LlamaContext, type LlamaModel, type LlamaModule, type LlamaSequence, type TokenBias } from './llama-binding.js'
import type { LlamaReply, LlamaRequest, LlamaSettings } from './llama-messages.js'
import { chosenToken, generateNextOf, logprobOf } from './sample-options.js'

interface Loaded {
  settings: LlamaSettings
  module: LlamaModule
  model: LlamaModel
  free: LlamaSequence[]
}

interface WaitingJob {
  id: number
  job: Job
  isAborted: boolean
}

let loaded: Loaded | null = null
const waiting: WaitingJob[] = []
const running = new Map<number, WaitingJob>()

process.on('message', (request: LlamaRequest) => {
  if (request.type === 'open') {
    open(request.settings).then(reply, (error: unknown) => reply({ type: 'failed', message: messageOf(error) }))
  } else if (request.type === 'generate') {
    const entry = { id: request.id, job: request.job, isAborted: false }
    running.set(request.id, entry)
    waiting.push(entry)
    startNext()
  } else {
    const entry = running.get(request.id)
    if (entry !== undefined) entry.isAborted = true
  }
})
// The worker is gone: nobody wants this process any more.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

async function open (settings: LlamaSettings): Promise<LlamaReply> {
  const module = await importLlamaModule(findLlamaModule(settings.moduleFolders))
  const llama = await module.getLlama({ gpu: settings.gpuLayers === 0 ? false : 'auto', build: 'never', logLevel: 'error', maxThreads: settings.threads })
  const model = await llama.loadModel({ modelPath: settings.modelPath, gpuLayers: settings.gpuLayers ?? 'auto', checkTensors: true })
  const context = await model.createContext({
    contextSize: settings.contextTokens,
    sequences: settings.sequences,
    batchSize: settings.batchTokens,
    threads: settings.threads,
    flashAttention: false,
    experimentalKvCacheKeyType: settings.kvType,
    experimentalKvCacheValueType: settings.kvType
  })
  loaded = { settings, module, model, free: sequencesOf(context, settings.sequences) }
  return { type: 'ready', vocabularySize: vocabularySizeOf(model), contextTokens: Math.min(context.contextSize, settings.contextTokens) }
}

function sequencesOf (context: LlamaContext, count: number): LlamaSequence[] {
  return Array.from({ length: count }, () => context.getSequence())
}

function vocabularySizeOf ({ fileInfo: { metadata } }: LlamaModel): number {
  const { tokenizer } = metadata as { tokenizer: { ggml: { tokens: readonly unknown[] } } }
  return tokenizer.ggml.tokens.length
}

function startNext (): void {
  const sequence = loaded?.free.pop()
  const entry = waiting.shift()
  if (loaded === null || sequence === undefined || entry === undefined) {
    if (sequence !== undefined) loaded?.free.push(sequence)
    if (entry !== undefined) waiting.unshift(entry)
    return
  }
  const { free } = loaded
  generate(entry, sequence, loaded).catch((error: unknown): JobEvent => {
    return { type: 'fail', code: 'engine-error', message: messageOf(error), blame: 'worker', retryable: true }
  }).then(event => {
    reply({ type: 'event', id: entry.id, event })
    running.delete(entry.id)
    free.push(sequence)
    startNext()
  }, () => {})
}

/** Runs one job and returns its last event. */
async function generate (entry: WaitingJob, sequence: LlamaSequence, { settings, module, model }: Loaded): Promise<JobEvent> {
  const { id, job } = entry
  const { tokenIds, sampling, resumedFrom = 0 } = job
  const answer = resumedFrom === 0 ? [] : tokenIds.slice(-resumedFrom)
  const biases = Object.entries(sampling.logitBias ?? {}).map(([id, logit]) => [Number(id), logit] as const)
  const tokenBias = biasOf(biases, module, model)
  // Until `minTokens` are out, the stop tokens may not come.
  const biasWithoutStops = biasOf([...biases, ...sampling.stopTokenIds.map(id => [id, -Infinity] as const)], module, model)
  const seed = sampling.seed ?? Math.floor(Math.random() * 2 ** 31)
  const stops = new Set(sampling.stopTokenIds)
  const room = Math.min(sampling.maxTokens, settings.contextTokens - tokenIds.length)
  let emitted = 0
  const done = (finish: 'stop' | 'length' | 'abort', stopTokenId: number | null = null): JobEvent =>
    ({ type: 'done', finish, stopTokenId, usage: { promptTokens: tokenIds.length, completionTokens: emitted, cachedTokens: 0 } })

  if (!await prefill(entry, sequence, settings.batchTokens)) return done('abort')
  let last = tokenIds.at(-1)
  while (emitted < room && last !== undefined) {
    // Aborts arrive as messages, which are read between two turns of the event loop.
    await nextTurn()
    if (entry.isAborted) return done('abort')
    const state = { position: tokenIds.length + emitted, answer, seed, tokenBias: emitted < (sampling.minTokens ?? 0) ? biasWithoutStops : tokenBias }
    const [result] = await sequence.controlledEvaluate([[last, { generateNext: generateNextOf(job, state) }]])
    const token = result === undefined ? null : chosenToken(result.next, sampling)
    if (result === undefined || token === null) throw new Error('llama.cpp sampled no token')
    if (stops.has(token)) return done('stop', token)
    emitted++
    answer.push(token)
    last = token
    const logprobs = sampling.logprobs === undefined ? {} : { logprobs: [logprobOf(result.next, token, sampling.logprobs)] }
    reply({ type: 'event', id, event: { type: 'tokens', ids: [token], ...logprobs } })
  }
  return done('length')
}

/** Computes all of the prompt but its last token; false when the job was aborted meanwhile. */
async function prefill (entry: WaitingJob, sequence: LlamaSequence, batchTokens: number): Promise<boolean> {
  // llama.cpp cannot roll V4's compressed cache back to an arbitrary prefix, so each job starts from an empty sequence.
  await sequence.clearHistory()
  const prompt = entry.job.tokenIds.slice(0, -1)
  for (let start = 0; start < prompt.length; start += batchTokens) {
    if (entry.isAborted) return false
    const batch = prompt.slice(start, start + batchTokens)
    await sequence.evaluateWithoutGeneratingNewTokens(batch)
    reply({ type: 'prefilled', id: entry.id, tokens: batch.length })
  }
  return true
}

function biasOf (biases: ReadonlyArray<readonly [number, number]>, { TokenBias }: LlamaModule, model: LlamaModel): TokenBias | null {
  if (biases.length === 0) return null
  const bias = TokenBias.for(model)
  for (const [id, logit] of biases) bias.set(id, { logit })
  return bias
}

function reply (message: LlamaReply): void {
  process.send?.(message)
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
