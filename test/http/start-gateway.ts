/**
 * The real thing on real sockets: the listening app, the dispatcher, one worker host per tier on a unix socket, and the
 * simulator engine saying what a test scripted.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { pino, type Logger } from 'pino'
import { AccountService } from '../../src/accounts/account-service.js'
import { buildApp } from '../../src/app.js'
import { HttpDispatcher, type DispatcherOptions } from '../../src/dispatch/http-dispatcher.js'
import { HttpWorkerClient } from '../../src/dispatch/http-worker-client.js'
import { WorkerRegistry } from '../../src/dispatch/worker-registry.js'
import type { BatchDependencies, GatewayDependencies, GatewaySettings, ServedCheckpoint } from '../../src/http/gateway-dependencies.js'
import { createAccountVerifier } from '../../src/http/key-verifier.js'
import { createCheckpointLanguage } from '../../src/language/create-checkpoint-language.js'
import { loadTokenizer } from '../../src/language/tokenizer/load-tokenizer.js'
import { ForgetfulStore } from '../../src/stores/forgetful-store.js'
import type { ResponseStore } from '../../src/stores/response-store.js'
import type { Telemetry } from '../../src/telemetry/telemetry.js'
import type { Job, Tier } from '../../workers/contract/job.js'
import type { AnswerPiece, AnswerSource } from '../../workers/engines/simulator/simulated-answer.js'
import { SimulatorEngine, type SimulatorOptions } from '../../workers/engines/simulator/simulator-engine.js'
import { createHostServer, listenAt } from '../../workers/host/host-server.js'
import { WorkerHost } from '../../workers/host/worker-host.js'

export const tokenizer = loadTokenizer('deepseek-v4')
const endOfSentenceId = 1

export const testPolicy: GatewaySettings['policy'] = {
  defaultTier: 'flash',
  proShareByEffort: { none: 0, low: 0, high: 0, max: 1 },
  trial: { tier: 'pro', share: 0 },
  cascade: { isAllowed: false, holdoutShare: 0, minMeanLogprob: null }
}

export interface Teardown {
  after (callback: () => Promise<void>): void
}

export interface GatewayOptions {
  /** What both tiers say. */
  answer?: AnswerSource
  simulator?: Omit<SimulatorOptions, 'answer'>
  settings?: Partial<GatewaySettings>
  constraints?: ServedCheckpoint['constraints']
  /** Of both tiers, or of each. */
  contextTokens?: number | Record<Tier, number>
  verifyKey?: GatewayDependencies['verifyKey']
  /** With it its keys are asked for; without it everything is allowed and nothing is written down. Its maker closes it. */
  accounts?: AccountService
  turns?: GatewayDependencies['turns']
  samples?: GatewayDependencies['samples']
  batches?: BatchDependencies
  responses?: ResponseStore
  telemetry?: Telemetry
  logger?: Logger
  isDraining?: () => boolean
  stopping?: AbortSignal
  dispatcher?: Partial<DispatcherOptions>
  ladder?: 'preview' | '0731'
}

export interface Gateway {
  /** `http://127.0.0.1:port` */
  url: string
  /** Every job a worker was given, in order. */
  jobs: Job[]
  engines: Record<Tier, SimulatorEngine>
  pools: { registry: WorkerRegistry, line: HttpDispatcher }
  sdk (options?: { path?: string, apiKey?: string, maxRetries?: number, defaultHeaders?: Record<string, string> }): OpenAI
  post (body: unknown, headers?: Record<string, string>): Promise<Response>
}

export async function startGateway (t: Teardown, options: GatewayOptions = {}): Promise<Gateway> {
  const { logger = pino({ level: 'silent' }) } = options
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'))
  const jobs: Job[] = []
  const answer: AnswerSource = job => {
    jobs.push(job)
    return (options.answer ?? says('Hello there.'))(job)
  }
  const registry = new WorkerRegistry({ logger })
  const dispatcher = new HttpDispatcher({ registry, logger, backoffMs: 1, ...options.dispatcher })
  const { contextTokens = 65_536 } = options
  const contextOf = (tier: Tier): number => typeof contextTokens === 'number' ? contextTokens : contextTokens[tier]
  const engineOf = (tier: Tier) => new SimulatorEngine({ ...options.simulator, contextTokens: contextOf(tier), checkpoint: `${tier}-simulated`, constraints: [...options.constraints ?? []], answer })
  const engines = { pro: engineOf('pro'), flash: engineOf('flash') }
  const hosts = await Promise.all((['pro', 'flash'] as const).map(async tier => await startHost(tier, engines[tier], { socketPath: join(folder, `${tier}.sock`), logger })))
  for (const { tier, client } of hosts) registry.add(`${tier}-0`, tier, client)
  await untilReady(registry)

  const accounts = options.accounts ?? new AccountService({ store: new ForgetfulStore() })
  const language = createCheckpointLanguage({ tokenizer, ladder: options.ladder ?? '0731' })
  const checkpointOf = (tier: Tier): ServedCheckpoint => ({ name: `${tier}-simulated`, revision: 'simulated', trained: false, contextTokens: contextOf(tier), constraints: options.constraints ?? [] })
  const app = await buildApp({
    settings: {
      bodyLimitBytes: 64 * 1024 * 1024,
      keepAliveMs: 10_000,
      unauthenticatedPerMinute: 600,
      policy: testPolicy,
      xhighEffort: 'high',
      usageChunk: 'both',
      honoursSamplingInThinking: true,
      reasoningReplay: 'lenient',
      ...options.settings
    },
    tiers: { pro: { language, checkpoint: checkpointOf('pro') }, flash: { language, checkpoint: checkpointOf('flash') } },
    dispatcher,
    accounts,
    verifyKey: options.verifyKey ?? (options.accounts === undefined ? null : createAccountVerifier([], accounts)),
    ...(options.turns === undefined ? {} : { turns: options.turns }),
    ...(options.samples === undefined ? {} : { samples: options.samples }),
    ...(options.batches === undefined ? {} : { batches: options.batches }),
    ...(options.responses === undefined ? {} : { responses: options.responses }),
    logger,
    ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
    version: '0.0.0-test',
    isDraining: options.isDraining ?? (() => false),
    ...(options.stopping === undefined ? {} : { stopping: options.stopping }),
    isReady: tier => registry.isReady(tier)
  })
  t.after(async () => {
    if (options.accounts === undefined) await accounts.close()
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })

  t.after(async () => {
    const closed = app.close()
    // Clients open connections in advance; one that has not asked anything yet would hold up the end for a minute.
    app.server.closeAllConnections()
    await closed
    dispatcher.close()
    registry.close()
    await Promise.all(hosts.map(async host => await host.close()))
    await language.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url,
    jobs,
    engines,
    pools: { registry, line: dispatcher },
    sdk: ({ path = '/v1', apiKey = 'none', maxRetries = 0, defaultHeaders = {} } = {}) => new OpenAI({ baseURL: `${url}${path}`, apiKey, maxRetries, defaultHeaders }),
    post: async (body, headers = {}) => await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })
  }
}

/** Ids of what a model would write; control tokens such as `</think>` are recognised. */
export function idsOf (text: string): number[] {
  return tokenizer.encode(text, { control: 'token' })
}

/** One token a step, then the end of the sentence. */
export function says (text: string): AnswerSource {
  return () => [...idsOf(text), endOfSentenceId]
}

/** Each prompt gets its own answer, chosen by the prompt's text. */
export function replies (choose: (prompt: string, job: Job) => string): AnswerSource {
  return job => says(choose(tokenizer.decode(job.tokenIds), job))(job)
}

/** Says its text, then its filler for ever; `stopped` resolves when the engine was told to stop. */
export function endless (text: string, filler = ' more'): { source: AnswerSource, stopped: Promise<void> } {
  let stop: () => void = () => {}
  const stopped = new Promise<void>(resolve => { stop = resolve })
  const source: AnswerSource = () => {
    const ids: AnswerPiece[] = idsOf(text)
    const fillerIds = idsOf(filler)
    const iterator = {
      async next (): Promise<IteratorResult<AnswerPiece>> {
        await new Promise(resolve => setImmediate(resolve))
        return { done: false, value: ids.shift() ?? fillerIds }
      },
      async return (): Promise<IteratorResult<AnswerPiece>> {
        stop()
        return { done: true, value: undefined }
      }
    }
    return { [Symbol.asyncIterator]: () => iterator }
  }
  return { source, stopped }
}

async function startHost (tier: Tier, engine: SimulatorEngine, { socketPath, logger }: { socketPath: string, logger: Logger }) {
  const host = new WorkerHost({ workerId: `${tier}-0`, tier }, Promise.resolve(engine))
  const server = createHostServer(host, logger)
  const client = new HttpWorkerClient(await listenAt(server, { socketPath }))
  return {
    tier,
    client,
    close: async () => {
      await host.close()
      await client.close()
      await server.close()
    }
  }
}

async function untilReady (registry: WorkerRegistry): Promise<void> {
  const areReady = () => registry.isReady('pro') && registry.isReady('flash')
  if (areReady()) return
  await new Promise<void>(resolve => {
    const stop = registry.onChange(() => {
      if (!areReady()) return
      stop()
      resolve()
    })
  })
}
