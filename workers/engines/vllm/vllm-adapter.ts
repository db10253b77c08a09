/** vLLM behind the job contract, by token ids. What a server can do is asked of it, never read off its version. */
import { z } from 'zod'
import type { EngineDescription } from '../../contract/description.js'
import type { Constraint, Job } from '../../contract/job.js'
import { brokenStream, EngineFault } from '../remote/engine-fault.js'
import { EngineServer } from '../remote/engine-server.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from '../remote/remote-adapter.js'
import { describeServed, type RemoteSettings } from '../remote/served-checkpoint.js'
import { untilReady } from '../remote/until-ready.js'
import { loadOfVllmMetrics } from './vllm-load.js'
import { generateRequestOf, logprobsOf, remoteIdOf, structuredOutputsOf, vllmChunkSchema, type VllmChunk } from './vllm-wire.js'

const generatePath = '/inference/v1/generate'
const abortPaths = ['/inference/v1/abort_requests', '/abort_requests']

const probeMs = 60_000

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), max_model_len: z.int().nullish() })).min(1) })

interface Probed {
  model: string
  description: EngineDescription
  abortPath: string | null
}

export class VllmAdapter implements RemoteAdapter {
  readonly #server: EngineServer
  readonly #probed: Probed

  private constructor (server: EngineServer, probed: Probed) {
    this.#server = server
    this.#probed = probed
  }

  /**
   * Waits for the server and asks what it can do, with jobs of one token.
   * @throws Error when it is not ready in time, lists no such model or does not take token ids
   */
  static async open (settings: RemoteSettings): Promise<VllmAdapter> {
    // Compiling a first grammar takes seconds.
    const prober = new EngineServer({ ...settings, controlMs: probeMs })
    try {
      return new VllmAdapter(new EngineServer(settings), await probe(prober, settings))
    } finally {
      await prober.close()
    }
  }

  get description (): EngineDescription {
    return this.#probed.description
  }

  /** The last tokens wait for the chunk with the counts, which follows at once. */
  async * answer (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    let last: AnswerStep | null = null
    for await (const data of this.#server.stream(generatePath, generateRequestOf(job, this.#probed.model), signal, { 'x-request-id': remoteIdOf(job) })) {
      const chunk = chunkOf(data)
      if (last === null) {
        const step = stepOf(chunk, job)
        if (step?.finish === null) yield step
        else last = step
      } else {
        last = withCounts(last, chunk)
      }
    }
    if (last !== null) yield last
  }

  async abort (job: Job): Promise<void> {
    const { abortPath } = this.#probed
    if (abortPath !== null) await this.#server.text('POST', abortPath, { request_ids: [`generate-tokens-${remoteIdOf(job)}`] })
  }

  async readLoad (): Promise<RemoteLoad> {
    // 200 proves little; 503 is certain: the engine behind the HTTP server is dead and stays so.
    const { status } = await this.#server.answer('GET', '/health')
    if (status === 503) throw new EngineFault('engine-dead', 'vLLM reports a dead engine on /health', { blame: 'worker', isRetryable: true })
    const { status: metricsStatus, text } = await this.#server.answer('GET', '/metrics')
    return metricsStatus === 200 ? loadOfVllmMetrics(text) : {}
  }

  async close (): Promise<void> {
    await this.#server.close()
  }
}

function stepOf ({ choices }: VllmChunk, job: Job): AnswerStep | null {
  const [choice] = choices
  if (choice === undefined) return null
  const ids = choice.token_ids ?? []
  const logprobs = logprobsOf(choice.logprobs, job.sampling.logprobs)
  return { ids, ...(logprobs === undefined ? {} : { logprobs }), finish: finishOf(choice, ids) }
}

function withCounts (step: AnswerStep, { usage }: VllmChunk): AnswerStep {
  return { ...step, cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? null }
}

function finishOf ({ finish_reason: reason, stop_reason: stop }: VllmChunk['choices'][number], ids: readonly number[]): AnswerStep['finish'] {
  if (reason === null || reason === undefined) return null
  if (reason === 'length' || reason === 'abort') return { reason, stopTokenId: null }
  if (reason !== 'stop') throw new EngineFault('engine-error', `vLLM ended the answer with ${reason}`, { blame: 'worker', isRetryable: true })
  return { reason, stopTokenId: typeof stop === 'number' ? stop : ids.at(-1) ?? null }
}

function chunkOf (data: unknown): VllmChunk {
  const parsed = vllmChunkSchema.safeParse(data)
  if (!parsed.success) throw brokenStream('vLLM sent a chunk that is not understood', parsed.error)
  if (parsed.data.output_mode !== 'tokens') throw brokenStream(`vLLM answers in ${parsed.data.output_mode}, asked for tokens`)
  return parsed.data
}

async function probe (server: EngineServer, settings: RemoteSettings): Promise<Probed> {
  const { data: models } = await untilReady(async () => await server.json('GET', '/v1/models', modelsSchema), settings.startMs)
  const model = settings.model === null ? models[0] : models.find(({ id }) => id === settings.model)
  if (model === undefined) throw new Error(`${settings.url} serves ${models.map(({ id }) => id).join(', ')}, not ${settings.model}`)
  await requireTokenWire(server, settings.url)

  const probes: Record<string, Record<string, unknown>> = Object.fromEntries(
    sampleConstraints.map(constraint => [constraint.kind, { sampling_params: { max_tokens: 1, detokenize: false, structured_outputs: structuredOutputsOf(constraint) }, reasoning_ended: true }])
  )
  const can = async (body: Record<string, unknown>): Promise<boolean> => await canGenerate(server, { model: model.id, token_ids: [0], ...body })
  const constraints: Constraint['kind'][] = []
  for (const { kind } of sampleConstraints) {
    if (await can(probes[kind] ?? {})) constraints.push(kind)
  }
  const capabilities = {
    tokenIds: true,
    resume: true,
    logprobs: await can({ sampling_params: { max_tokens: 1, detokenize: false, logprobs: 1 } }),
    seed: await can({ sampling_params: { max_tokens: 1, detokenize: false, seed: 1 } }),
    constraints
  }
  return {
    model: model.id,
    abortPath: await findAbortPath(server),
    description: describeServed('vllm', settings.served, model.max_model_len ?? null, capabilities)
  }
}

/** Smallest of each kind, of tags one with what our tool calls need; a server that cannot enforce it refuses, or has no such field. */
const sampleConstraints: Constraint[] = [
  { kind: 'json' },
  { kind: 'schema', schema: { type: 'object' } },
  { kind: 'regex', pattern: '[a-z]' },
  { kind: 'structural-tag', tag: { type: 'structural_tag', format: { type: 'json_schema', json_schema: { type: 'object' }, style: 'deepseek_xml' } } }
]

/** An empty request is refused by whoever understands the path at all. */
async function requireTokenWire (server: EngineServer, url: string): Promise<void> {
  const { status, text } = await server.answer('POST', generatePath, {})
  if (status === 403 || status === 404 || status === 405) {
    throw new Error(`${url} does not take token ids on ${generatePath} (${status}): start vLLM with --enable-scale-out or --tokens-only, or use engine openai. ${text.slice(0, 200)}`)
  }
}

async function canGenerate (server: EngineServer, body: Record<string, unknown>): Promise<boolean> {
  return (await server.answer('POST', generatePath, body)).status === 200
}

async function findAbortPath (server: EngineServer): Promise<string | null> {
  for (const path of abortPaths) {
    if ((await server.answer('POST', path, { request_ids: [] })).status === 200) return path
  }
  return null
}
