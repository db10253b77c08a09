/** SGLang behind the job contract, by token ids. */
import { z } from 'zod'
import type { EngineDescription } from '../../contract/description.js'
import type { Constraint, Job } from '../../contract/job.js'
import { brokenStream, EngineFault, faultOfStatus } from '../remote/engine-fault.js'
import { EngineServer } from '../remote/engine-server.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from '../remote/remote-adapter.js'
import { describeServed, type RemoteSettings } from '../remote/served-checkpoint.js'
import { untilReady } from '../remote/until-ready.js'
import { loadOfSglangLoads, loadOfSglangMetrics, sglangLoadsSchema } from './sglang-load.js'
import { generateRequestOf, logprobsOf, remoteIdOf, sglangChunkSchema, type SglangChunk, type SglangRequestOptions } from './sglang-wire.js'
import { StreamDeltas } from './stream-deltas.js'

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), max_model_len: z.int().nullish() })).min(1) })

/** The launch settings that decide what a job may ask; a field that is missing was not known to that version. */
const serverInfoSchema = z.object({
  grammar_backend: z.string().nullish(),
  enable_priority_scheduling: z.boolean().nullish(),
  incremental_streaming_output: z.boolean().nullish(),
  stream_output: z.boolean().nullish(),
  enable_deterministic_inference: z.boolean().nullish()
})

interface Probed extends SglangRequestOptions {
  description: EngineDescription
  isIncremental: boolean
}

export class SglangAdapter implements RemoteAdapter {
  readonly #server: EngineServer
  readonly #probed: Probed

  private constructor (server: EngineServer, probed: Probed) {
    this.#server = server
    this.#probed = probed
  }

  /** @throws Error when the server is not ready in time or serves another model */
  static async open (settings: RemoteSettings): Promise<SglangAdapter> {
    const server = new EngineServer(settings)
    try {
      return new SglangAdapter(server, await probe(server, settings))
    } catch (error) {
      await server.close()
      throw error
    }
  }

  get description (): EngineDescription {
    return this.#probed.description
  }

  async * answer (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    const deltas = new StreamDeltas(this.#probed)
    for await (const data of this.#server.stream('/generate', generateRequestOf(job, this.#probed), signal)) {
      const parsed = sglangChunkSchema.safeParse(data)
      if (!parsed.success) throw brokenStream('SGLang sent a chunk that is not understood', parsed.error)
      const chunk = deltas.take(parsed.data)
      const logprobs = logprobsOf(chunk, job.sampling.logprobs)
      yield {
        ids: chunk.output_ids,
        ...(logprobs === undefined ? {} : { logprobs }),
        finish: finishOf(chunk),
        cachedTokens: chunk.meta_info.cached_tokens ?? null
      }
    }
  }

  async abort (job: Job): Promise<void> {
    await this.#server.text('POST', '/abort_request', { rid: remoteIdOf(job) })
  }

  async readLoad (): Promise<RemoteLoad> {
    const { status, text } = await this.#server.answer('GET', '/v1/loads?include=core')
    if (status === 200) return loadOfSglangLoads(sglangLoadsSchema.parse(JSON.parse(text)))
    const metrics = await this.#server.answer('GET', '/metrics')
    return metrics.status === 200 ? loadOfSglangMetrics(metrics.text) : {}
  }

  async close (): Promise<void> {
    await this.#server.close()
  }
}

function finishOf ({ output_ids: ids, meta_info: { finish_reason: reason } }: SglangChunk): AnswerStep['finish'] {
  if (reason === null) return null
  if (reason.type === 'length') return { reason: 'length', stopTokenId: null }
  if (reason.type === 'stop') return { reason: 'stop', stopTokenId: typeof reason.matched === 'number' ? reason.matched : ids.at(-1) ?? null }
  // An abort of ours is answered by nobody: the connection is closed. This one is the scheduler's.
  const message = reason.message ?? `SGLang ended the answer with ${reason.type}`
  throw reason.status_code === null || reason.status_code === undefined
    ? new EngineFault('engine-error', message, { blame: 'worker', isRetryable: true })
    : faultOfStatus(reason.status_code, message)
}

async function probe (server: EngineServer, settings: RemoteSettings): Promise<Probed> {
  const { data: models } = await untilReady(async () => await server.json('GET', '/v1/models', modelsSchema), settings.startMs)
  const model = settings.model === null ? models[0] : models.find(({ id }) => id === settings.model)
  if (model === undefined) throw new Error(`${settings.url} serves ${models.map(({ id }) => id).join(', ')}, not ${settings.model}`)
  const info = await readServerInfo(server)
  const hasGrammar = info.grammar_backend !== null && info.grammar_backend !== undefined && info.grammar_backend !== 'none'
  const constraints: Constraint['kind'][] = hasGrammar ? ['json', 'schema', 'regex', 'structural-tag'] : []
  return {
    isIncremental: info.incremental_streaming_output ?? info.stream_output ?? false,
    takesPriority: info.enable_priority_scheduling ?? false,
    description: describeServed('sglang', settings.served, model.max_model_len ?? null, {
      tokenIds: true,
      resume: true,
      logprobs: true,
      // Elsewhere the seed is accepted and ignored.
      seed: info.enable_deterministic_inference ?? false,
      constraints
    })
  }
}

async function readServerInfo (server: EngineServer): Promise<z.infer<typeof serverInfoSchema>> {
  for (const path of ['/server_info', '/get_server_info']) {
    const { status, text } = await server.answer('GET', path)
    if (status === 200) return serverInfoSchema.parse(JSON.parse(text))
  }
  return {}
}
