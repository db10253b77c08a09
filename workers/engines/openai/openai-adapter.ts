/**
 * Any OpenAI-compatible server as an engine: overflow, or the only backend. It renders, counts and parses for itself, so its
 * description says that it takes no ids, cannot resume and gives no log-probabilities.
 */
import { z } from 'zod'
import type { EngineDescription } from '../../contract/description.js'
import type { Job } from '../../contract/job.js'
import { brokenStream, EngineFault } from '../remote/engine-fault.js'
import { EngineServer } from '../remote/engine-server.js'
import type { AnswerStep, RemoteAdapter, RemoteLoad } from '../remote/remote-adapter.js'
import { describeServed, type RemoteSettings } from '../remote/served-checkpoint.js'
import { untilReady } from '../remote/until-ready.js'
import { chatChunkSchema, chatRequestOf, type ChatChunk, type ThinkingStyle } from './chat-wire.js'

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), max_model_len: z.int().nullish() })).min(1) })

export interface OpenAiSettings extends RemoteSettings {
  thinkingStyle: ThinkingStyle
  /** Forms that the server holds an answer to when asked by `response_format`; it cannot be asked what it does. */
  constraints: Array<'json' | 'schema'>
}

export class OpenAiAdapter implements RemoteAdapter {
  readonly description: EngineDescription
  readonly #server: EngineServer
  readonly #model: string
  readonly #settings: OpenAiSettings

  private constructor (server: EngineServer, settings: OpenAiSettings, model: string, description: EngineDescription) {
    this.#server = server
    this.#settings = settings
    this.#model = model
    this.description = description
  }

  /**
   * @param settings the base URL is the part before `/chat/completions`, as SDKs have it
   * @throws Error when the server does not list its models in time, or not this one
   */
  static async open (settings: OpenAiSettings): Promise<OpenAiAdapter> {
    const server = new EngineServer(settings)
    try {
      const { data } = await untilReady(async () => await server.json('GET', '/models', modelsSchema), settings.startMs)
      const model = settings.model === null ? data[0] : data.find(({ id }) => id === settings.model)
      if (model === undefined) throw new Error(`${settings.url} serves ${data.map(({ id }) => id).join(', ')}, not ${settings.model}`)
      const capabilities = { tokenIds: false, resume: false, logprobs: false, seed: false, constraints: settings.constraints }
      return new OpenAiAdapter(server, settings, model.id, describeServed('openai', settings.served, model.max_model_len ?? null, capabilities))
    } catch (error) {
      await server.close()
      throw error
    }
  }

  /** The finish waits for the usage chunk behind it. */
  async * answer (job: Job, signal: AbortSignal): AsyncGenerator<AnswerStep, void, undefined> {
    const { thinkingStyle, served: { effortLadder } } = this.#settings
    if (job.chat === undefined) throw new EngineFault('chat-needed', 'the job carries no conversation', { blame: 'request', isRetryable: false })
    const body = chatRequestOf(job, job.chat, { model: this.#model, thinkingStyle, effortLadder, contextTokens: this.description.contextTokens })
    let last: AnswerStep | null = null
    for await (const data of this.#server.stream('/chat/completions', body, signal)) {
      const parsed = chatChunkSchema.safeParse(data)
      if (!parsed.success) throw brokenStream('the server sent a chunk that is not understood', parsed.error)
      const step = stepOf(parsed.data)
      if (last !== null || step.finish !== null) last = joined(last, step)
      else yield step
    }
    if (last !== null) yield last
  }

  /** There is no such call; a closed connection has to do. */
  async abort (): Promise<void> {}

  /** Most such servers have neither /health nor /metrics: what we sent is all that is known of their load. */
  async readLoad (): Promise<RemoteLoad> {
    const { status } = await this.#server.answer('GET', '/models')
    if (status >= 500 && status !== 503) throw new EngineFault('engine-error', `status ${status}`, { blame: 'worker', isRetryable: true })
    return {}
  }

  async close (): Promise<void> {
    await this.#server.close()
  }
}

function joined (earlier: AnswerStep | null, step: AnswerStep): AnswerStep {
  if (earlier === null) return step
  return { ...earlier, ...step, pieces: [...earlier.pieces ?? [], ...step.pieces ?? []], finish: step.finish ?? earlier.finish }
}

function stepOf ({ choices, usage }: ChatChunk): AnswerStep {
  const [choice] = choices
  return {
    ids: [],
    pieces: choice === undefined ? [] : piecesOf(choice.delta),
    finish: finishOf(choice?.finish_reason ?? null),
    ...(usage === null || usage === undefined
      ? {}
      : {
          usage: { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens, reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? null },
          cachedTokens: usage.prompt_cache_hit_tokens ?? usage.prompt_tokens_details?.cached_tokens ?? null
        })
  }
}

function piecesOf (delta: ChatChunk['choices'][number]['delta']): NonNullable<AnswerStep['pieces']> {
  const reasoning = delta.reasoning_content ?? delta.reasoning ?? ''
  return [
    ...(reasoning === '' ? [] : [{ type: 'text' as const, channel: 'reasoning' as const, text: reasoning }]),
    ...(delta.content === undefined || delta.content === null || delta.content === '' ? [] : [{ type: 'text' as const, channel: 'content' as const, text: delta.content }]),
    ...(delta.tool_calls ?? []).map(({ index, id, function: call }) => ({
      type: 'tool-call' as const,
      index,
      id: id ?? null,
      name: call?.name ?? null,
      argumentsText: call?.arguments ?? ''
    }))
  ]
}

function finishOf (reason: string | null): AnswerStep['finish'] {
  switch (reason) {
    case null: return null
    case 'stop':
    case 'tool_calls':
    case 'function_call': return { reason: 'stop', stopTokenId: null }
    case 'length': return { reason: 'length', stopTokenId: null }
    case 'content_filter': throw new EngineFault('content-filtered', 'the server withheld the answer (content_filter)', { blame: 'request', isRetryable: false })
    // DeepSeek: insufficient_system_resource.
    default: throw new EngineFault('engine-error', `the server ended the answer with ${reason}`, { blame: 'worker', isRetryable: true })
  }
}
