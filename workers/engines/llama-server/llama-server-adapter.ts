/**
 * llama-server behind the job contract, by token ids. Two things of it shape this file:
 *
 * It streams text, and ids only along with it: while a character is incomplete nothing is sent, and afterwards only the
 * last of its ids. The withheld ones are found again by tokenising the character. Log-probabilities of withheld
 * tokens are not to be had that way, so a job that asks for them is answered in one piece.
 *
 * It stops at the checkpoint's own end tokens. Other stop tokens are watched for by RemoteEngine, which then hangs up.
 */
import { z } from 'zod'
import type { EngineDescription } from '../../contract/description.js'
import type { Job } from '../../contract/job.js'
import { brokenStream } from '../remote/engine-fault.js'
import { EngineServer } from '../remote/engine-server.js'
import { readMetrics, sumOf } from '../remote/read-metrics.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from '../remote/remote-adapter.js'
import { describeServed, type RemoteSettings } from '../remote/served-checkpoint.js'
import { untilReady } from '../remote/until-ready.js'
import { completionRequestOf, completionSchema, logprobsOf, type Completion } from './completion-wire.js'

const propsSchema = z.object({
  default_generation_settings: z.object({ n_ctx: z.int().min(1) }),
  total_slots: z.int().min(1)
})
const modelsSchema = z.object({ data: z.array(z.object({ meta: z.object({ n_vocab: z.int() }).nullish() })).min(1) })
const tokensSchema = z.object({ tokens: z.array(z.int().min(0)) })
const slotsSchema = z.array(z.object({ is_processing: z.boolean() }))

export class LlamaServerAdapter implements RemoteAdapter {
  readonly description: EngineDescription
  readonly #server: EngineServer
  readonly #slots: number
  readonly #salts = new Set<string>()

  private constructor (server: EngineServer, description: EngineDescription, slots: number) {
    this.#server = server
    this.description = description
    this.#slots = slots
  }

  /** @throws Error when the server is not ready in time, is too old to return ids or holds a smaller vocabulary */
  static async open (settings: RemoteSettings): Promise<LlamaServerAdapter> {
    const server = new EngineServer(settings)
    try {
      await untilReady(async () => await server.text('GET', '/health'), settings.startMs)
      const { default_generation_settings: { n_ctx: contextTokens }, total_slots: slots } = await server.json('GET', '/props', propsSchema)
      const { data: [model] } = await server.json('GET', '/v1/models', modelsSchema)
      const vocabulary = model?.meta?.n_vocab
      if (vocabulary !== undefined && vocabulary < settings.served.vocabularySize) {
        throw new Error(`${settings.url} holds a vocabulary of ${vocabulary}, ${settings.served.name} needs ${settings.served.vocabularySize}: another model`)
      }
      const capabilities = { tokenIds: true, resume: true, logprobs: true, seed: true, constraints: ['json' as const, 'schema' as const] }
      return new LlamaServerAdapter(server, describeServed('llama-server', settings.served, contextTokens, capabilities), slots)
    } catch (error) {
      await server.close()
      throw error
    }
  }

  answer (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    return job.sampling.logprobs === undefined ? this.#streamed(job, signal) : this.#whole(job, signal)
  }

  /** A closed connection is all it understands. */
  async abort (): Promise<void> {}

  async readLoad (): Promise<RemoteLoad> {
    const metrics = await this.#server.answer('GET', '/metrics')
    if (metrics.status === 200) {
      const read = readMetrics(metrics.text)
      return { running: sumOf(read, 'llamacpp:requests_processing'), waiting: sumOf(read, 'llamacpp:requests_deferred'), ...this.#capacity() }
    }
    const slots = await this.#server.answer('GET', '/slots')
    if (slots.status === 200) return { running: slotsSchema.parse(JSON.parse(slots.text)).filter(slot => slot.is_processing).length, ...this.#capacity() }
    // Both can be switched off; an answer of any kind still shows that it is there.
    return {}
  }

  async close (): Promise<void> {
    await this.#server.close()
  }

  async * #streamed (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    let sent = 0
    for await (const data of this.#server.stream('/completion', completionRequestOf(job, { stream: true, cachePrompt: this.#mayReuse(job) }), signal)) {
      const completion = completionOf(data)
      if (completion.stop) return yield stepOf(completion, [], job)
      const ids = completion.tokens_predicted === sent + completion.tokens.length
        ? completion.tokens
        : await this.#withWithheld(completion, completion.tokens_predicted - sent)
      sent += ids.length
      yield { ids, finish: null }
    }
  }

  async * #whole (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    const completion = completionOf(await this.#server.whole('/completion', completionRequestOf(job, { stream: false, cachePrompt: this.#mayReuse(job) }), signal))
    yield stepOf(completion, completion.tokens, job)
  }

  async #withWithheld ({ content, tokens }: Completion, wanted: number): Promise<number[]> {
    const { tokens: ids } = await this.#server.json('POST', '/tokenize', tokensSchema, { content, add_special: false, parse_special: false })
    if (ids.length === wanted && ids.at(-1) === tokens.at(-1)) return ids
    throw brokenStream(`llama-server withheld ${wanted - tokens.length} token ids of ${JSON.stringify(content)} that cannot be found again`)
  }

  /** It has no salts: prefixes are reused only as long as all jobs came with the same one. */
  #mayReuse ({ cacheSalt = '' }: Job): boolean {
    this.#salts.add(cacheSalt)
    return this.#salts.size === 1
  }

  #capacity (): RemoteLoad {
    return { kvCapacityTokens: this.#slots * this.description.contextTokens }
  }
}

/** In the last message of a stream there are no ids; in a whole answer all of them. */
function stepOf (completion: Completion, ids: number[], job: Job): AnswerStep {
  const logprobs = logprobsOf(completion, job.sampling.logprobs)
  return {
    ids,
    ...(logprobs === undefined ? {} : { logprobs }),
    // The end token itself was among the ids, so a stop that is seen here was at an end token the job did not name.
    finish: { reason: completion.stop_type === 'limit' ? 'length' : 'stop', stopTokenId: null },
    cachedTokens: completion.timings?.cache_n ?? null
  }
}

function completionOf (data: unknown): Completion {
  const parsed = completionSchema.safeParse(data)
  if (parsed.success) return parsed.data
  throw brokenStream('llama-server sent a message that is not understood (releases before return_tokens do not send ids)', parsed.error)
}
