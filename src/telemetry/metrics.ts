/**
 * Counters and histograms, served at /metrics.
 *
 * Where vLLM has a field its name is used, so that its dashboards and autoscaler rules work; `engine="gearbox"` keeps these
 * series apart from the engines' own. OpenTelemetry's GenAI metrics come under the names that its Prometheus mapping
 * gives them. What neither knows begins with `gearbox_`.
 *
 * No label has a value that a client can invent: tiers, pools, checkpoints, workers and reasons are all closed sets.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Tier } from '../../workers/contract/job.js'
import type { AnswerFinish, AnswerUsage } from '../dialects/answer.js'
import type { FaultKind } from '../dispatch/worker-fault.js'
import type { ErrorCode } from '../errors.js'
import { poolName } from './pool-name.js'

/** OpenTelemetry's words for what is asked. */
export type Operation = 'chat' | 'text_completion'

/** What an answer is counted under. */
export interface Served {
  tier: Tier
  /** Checkpoint. */
  modelName: string
}

/** As OpenTelemetry advises for durations of generative AI. */
const durationBuckets = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36, 1310.72]
const tokenGapBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10]
const tokenBuckets = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576]

const servedLabels = ['model_name', 'engine', 'tier', 'pool'] as const
const genAiLabels = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_response_model'] as const

type ServedLabel = typeof servedLabels[number]
type GenAiLabel = typeof genAiLabels[number]

/** The histograms and counters of one tier with their labels filled in: label look-ups are not for the path of a token. */
interface ServedSeries {
  firstToken: Histogram.Internal<ServedLabel>
  tokenGap: Histogram.Internal<ServedLabel>
  endToEnd: Histogram.Internal<ServedLabel>
  queue: Histogram.Internal<ServedLabel>
}

export class GatewayMetrics {
  readonly registry = new Registry()
  readonly #series = new Map<string, ServedSeries>()

  readonly #requests = this.#counter('gearbox_http_requests_total', 'HTTP requests by status code', ['status'])
  readonly #rejections = this.#counter('gearbox_rejections_total', 'Requests refused or failed, by error code (docs/errors.md)', ['code'])
  readonly #decisions = this.#counter('gearbox_decisions_total', 'Tiers chosen, with the reason', ['tier', 'reason'])
  readonly #efforts = this.#counter('gearbox_effort_decisions_total', 'Efforts applied, with the reason', ['tier', 'effort', 'reason'])
  readonly #tokens = this.#counter('gearbox_tokens_total', 'Tokens by kind: prompt, cached (of prompt), completion, reasoning (of completion)', ['tier', 'pool', 'kind'])
  readonly #expectedCached = this.#counter('gearbox_cache_expected_tokens_total', 'Prompt tokens that the chosen worker was believed to hold', ['tier', 'pool'])
  readonly #actualCached = this.#counter('gearbox_cache_actual_tokens_total', 'Prompt tokens whose state the worker found', ['tier', 'pool'])
  readonly #retries = this.#counter('gearbox_retries_total', 'Attempts made again before the first token, by the fault before them', ['tier', 'fault'])
  readonly #resumes = this.#counter('gearbox_resumes_total', 'Streams carried on by another attempt after their first token, by the fault before it', ['tier', 'fault'])
  readonly #faults = this.#counter('gearbox_worker_faults_total', 'Attempts that failed, by worker and kind', ['tier', 'worker', 'fault'])
  readonly #spend = this.#counter('gearbox_spend_usd_total', 'Charged to keys, in US dollars', ['tier'])
  readonly #running = new Gauge({ name: 'gearbox_answers_running', help: 'Answers under way, waiting ones included', labelNames: ['tier'], registers: [this.registry] })

  readonly #success = this.#counter('vllm:request_success_total', 'Answers completed', [...servedLabels, 'finished_reason'])
  readonly #promptTokens = this.#counter('vllm:prompt_tokens_total', 'Prompt tokens of answers', [...servedLabels])
  readonly #generatedTokens = this.#counter('vllm:generation_tokens_total', 'Tokens generated', [...servedLabels])
  readonly #cacheQueries = this.#counter('vllm:prefix_cache_queries_total', 'Prompt tokens looked up in prefix caches', [...servedLabels])
  readonly #cacheHits = this.#counter('vllm:prefix_cache_hits_total', 'Prompt tokens found there', [...servedLabels])
  readonly #firstToken = this.#histogram('vllm:time_to_first_token_seconds', 'From arrival to the first token', durationBuckets)
  readonly #tokenGap = this.#histogram('vllm:inter_token_latency_seconds', 'Between tokens', tokenGapBuckets)
  readonly #endToEnd = this.#histogram('vllm:e2e_request_latency_seconds', 'From arrival to the end of the answer', durationBuckets)
  readonly #queue = this.#histogram('vllm:request_queue_time_seconds', 'In line for a worker', durationBuckets)
  readonly #promptSize = this.#histogram('vllm:request_prompt_tokens', 'Prompt tokens per answer', tokenBuckets)
  readonly #answerSize = this.#histogram('vllm:request_generation_tokens', 'Generated tokens per answer', tokenBuckets)

  readonly #genAiDuration = this.#genAi('gen_ai_server_request_duration_seconds', 'gen_ai.server.request.duration', durationBuckets, ['error_type'])
  readonly #genAiFirstToken = this.#genAi('gen_ai_server_time_to_first_token_seconds', 'gen_ai.server.time_to_first_token', durationBuckets, [])
  readonly #genAiPerToken = this.#genAi('gen_ai_server_time_per_output_token_seconds', 'gen_ai.server.time_per_output_token', tokenGapBuckets, [])
  readonly #genAiTokens = this.#genAi('gen_ai_client_token_usage', 'gen_ai.client.token.usage', tokenBuckets, ['gen_ai_token_type'])

  constructor ({ includesProcess = true }: { includesProcess?: boolean } = {}) {
    if (includesProcess) collectDefaultMetrics({ register: this.registry })
  }

  answered (status: number): void {
    this.#requests.inc({ status: String(status) })
  }

  rejected (code: ErrorCode): void {
    this.#rejections.inc({ code })
  }

  decided (tier: Tier, { reason, effort, effortReason }: { reason: string, effort: string, effortReason: string }): void {
    this.#decisions.inc({ tier, reason })
    this.#efforts.inc({ tier, effort, reason: effortReason })
    this.#running.inc({ tier })
  }

  /** An answer under way goes on at another tier. */
  left (tier: Tier): void {
    this.#running.dec({ tier })
  }

  queued (served: Served, seconds: number): void {
    this.#seriesOf(served).queue.observe(seconds)
  }

  attemptAgain (tier: Tier, { isResume, fault }: { isResume: boolean, fault: FaultKind | 'none' }): void {
    (isResume ? this.#resumes : this.#retries).inc({ tier, fault })
  }

  faulted (tier: Tier, worker: string, fault: FaultKind): void {
    this.#faults.inc({ tier, worker, fault })
  }

  cache ({ tier }: Served, { expected, actual }: { expected: number, actual: number }): void {
    this.#expectedCached.inc({ tier, pool: poolName }, expected)
    this.#actualCached.inc({ tier, pool: poolName }, actual)
  }

  firstToken (served: Served, operation: Operation, seconds: number): void {
    this.#seriesOf(served).firstToken.observe(seconds)
    this.#genAiFirstToken.observe(genAiValues(served, operation), seconds)
  }

  tokenGap (served: Served, seconds: number): void {
    this.#seriesOf(served).tokenGap.observe(seconds)
  }

  charged (tier: Tier, nanoUsd: number): void {
    this.#spend.inc({ tier }, nanoUsd / 1e9)
  }

  /** An answer that had a tier is over, well or not. */
  ended (served: Served, { operation, seconds, decodeSeconds, finish, error, usage }: EndedAnswer): void {
    const { tier } = served
    const labels = valuesOf(served)
    this.#running.dec({ tier })
    const genAi = genAiValues(served, operation)
    this.#genAiDuration.observe({ ...genAi, error_type: error ?? '' }, seconds)
    if (finish !== null) this.#success.inc({ ...labels, finished_reason: finish })
    if (usage === null) return
    this.#seriesOf(served).endToEnd.observe(seconds)

    const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = usage
    for (const [kind, count] of [['prompt', promptTokens], ['cached', cachedTokens], ['completion', completionTokens], ['reasoning', reasoningTokens]] as const) {
      this.#tokens.inc({ tier, pool: poolName, kind }, count)
    }
    this.#promptTokens.inc(labels, promptTokens)
    this.#cacheQueries.inc(labels, promptTokens)
    this.#cacheHits.inc(labels, cachedTokens)
    this.#generatedTokens.inc(labels, completionTokens)
    this.#promptSize.observe(labels, promptTokens)
    this.#answerSize.observe(labels, completionTokens)
    this.#genAiTokens.observe({ ...genAi, gen_ai_token_type: 'input' }, promptTokens)
    this.#genAiTokens.observe({ ...genAi, gen_ai_token_type: 'output' }, completionTokens)
    if (completionTokens > 1) this.#genAiPerToken.observe(genAi, decodeSeconds / (completionTokens - 1))
  }

  /** Since the start, for people: every counter that has a tier or a code, by its labels. */
  async totals (): Promise<Record<string, Array<{ labels: Record<string, string | number | undefined>, value: number }>>> {
    const counters = { requests: this.#requests, decisions: this.#decisions, tokens: this.#tokens, retries: this.#retries, resumes: this.#resumes, rejections: this.#rejections, spendUsd: this.#spend }
    const entries = await Promise.all(Object.entries(counters).map(async ([name, counter]) => {
      const { values } = await counter.get()
      return [name, values.map(({ labels, value }) => ({ labels, value }))] as const
    }))
    return Object.fromEntries(entries)
  }

  #seriesOf (served: Served): ServedSeries {
    const key = `${served.tier} ${served.modelName}`
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const labels = valuesOf(served)
    const series = {
      firstToken: this.#firstToken.labels(labels),
      tokenGap: this.#tokenGap.labels(labels),
      endToEnd: this.#endToEnd.labels(labels),
      queue: this.#queue.labels(labels)
    }
    this.#series.set(key, series)
    return series
  }

  #counter<L extends string> (name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  #histogram (name: string, help: string, buckets: number[]): Histogram<ServedLabel> {
    return new Histogram({ name, help, buckets, labelNames: servedLabels, registers: [this.registry] })
  }

  #genAi<L extends string> (name: string, help: string, buckets: number[], more: L[]): Histogram<GenAiLabel | L> {
    return new Histogram<GenAiLabel | L>({ name, help, buckets, labelNames: [...genAiLabels, ...more], registers: [this.registry] })
  }
}

export interface EndedAnswer {
  /** OpenTelemetry's word. */
  operation: Operation
  seconds: number
  /** From the first token to the last. */
  decodeSeconds: number
  finish: AnswerFinish | null
  error: ErrorCode | null
  /** What was computed, also of an answer that was cut; null when no worker took it. */
  usage: AnswerUsage | null
}

function valuesOf ({ tier, modelName }: Served): Record<ServedLabel, string> {
  return { model_name: modelName, engine: 'gearbox', tier, pool: poolName }
}

function genAiValues ({ modelName }: Served, operation: string): Record<GenAiLabel, string> {
  return { gen_ai_operation_name: operation, gen_ai_provider_name: 'deepseek', gen_ai_response_model: modelName }
}
