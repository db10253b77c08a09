/** What the front door stands on. The process (src/server.ts) makes these; tests make others. */
import type { FastifyBaseLogger } from 'fastify'
import type { Tier } from '../../workers/contract/job.js'
import type { AccountService } from '../accounts/account-service.js'
import type { Account } from '../accounts/keys.js'
import type { UsageLayout } from '../dialects/chat/chat-chunks.js'
import type { Dispatcher } from '../dispatch/dispatch-event.js'
import type { CheckpointLanguage } from '../language/checkpoint-language.js'
import type { AnswerSample } from '../policy/answer-sample.js'
import type { TierPolicy } from '../policy/choose-tier.js'
import type { ModelMap } from '../policy/mapped-model.js'
import type { BatchStores } from '../stores/open-batch-stores.js'
import type { ResponseStore } from '../stores/response-store.js'
import type { TurnStore } from '../stores/turn-store.js'
import type { Telemetry } from '../telemetry/telemetry.js'

export interface GatewaySettings {
  bodyLimitBytes: number
  /** A silent stream sends a comment this often. */
  keepAliveMs: number
  /**
   * A silent whole answer sends a blank line this often, and thereby commits to status 200: only after a worker
   * has taken the job. Default 30 s.
   */
  jsonKeepAliveMs?: number
  /** A request that is not complete by then gets a 408. Default 300 s. */
  slowRequestMs?: number
  /** A client that reads nothing for this long is gone. Default 60 s. */
  stalledClientMs?: number
  /** Origins whose pages may call, `*` = all; default none. */
  corsOrigins?: readonly string[]
  /** Requests per minute from one address without a valid key; not applied when no keys are asked for. */
  unauthenticatedPerMinute: number
  policy: TierPolicy & { cascade: CascadeSettings }
  xhighEffort: 'high' | 'max'
  usageChunk: UsageLayout
  honoursSamplingInThinking: boolean
  reasoningReplay: 'strict' | 'lenient'
  /**
   * A forced tool call while thinking: think and then call, answer without thinking, or refuse as DeepSeek does. Default
   * think-first, which where no engine can do it means without-thinking.
   */
  forcedToolChoice?: 'think-first' | 'without-thinking' | 'refuse'
  /** max_tokens beyond what the context has left: refuse, or take what is left. Default by-dialect: messages take it, the others refuse as DeepSeek does. */
  overlongCompletion?: 'by-dialect' | 'refuse' | 'clamp'
  /** The model that answers to names nobody knows; null, the default, refuses them. */
  defaultModel?: string | null
  /** Which of our models Anthropic's names mean, on `/v1/messages`. Default: Opus is Pro, other Claudes are Flash. */
  anthropicModels?: ModelMap
  /** `when-asked`: a message that does not speak of thinking is answered without, as on Anthropic's own API. Default as everywhere, on. */
  anthropicThinking?: 'as-elsewhere' | 'when-asked'
}

export interface CascadeSettings {
  /** Lowest mean log-probability of a flash answer that is kept; null = not checked. */
  minMeanLogprob: number | null
}

export interface ServedCheckpoint {
  name: string
  revision: string
  trained: boolean
  contextTokens: number
  /** What the tier's engines can enforce; none = a JSON answer is only asked for, and a schema is refused. */
  constraints?: ReadonlyArray<'json' | 'schema' | 'regex' | 'structural-tag'>
}

export interface ServedTier {
  language: CheckpointLanguage
  checkpoint: ServedCheckpoint
}

/** Who is calling, as far as a key says. */
export interface Caller {
  /** Not secret: names the key in logs and keeps prefix caches of different keys apart. */
  keyId: string
  account: Account
}

/** null = no such key. Must not reveal by its timing how much of a key was right. */
export type VerifyKey = (key: string) => Caller | null | Promise<Caller | null>

export interface BatchDependencies {
  stores: BatchStores
  /** The key that made a batch, when its requests run; null = it is not valid any more. */
  findCaller: (keyId: string) => Promise<Caller | null>
  /** Requests of batches under way at once. */
  concurrency: number
  maxFileBytes: number
  /** Per key. */
  maxFiles: number
  maxBytesPerKey: number
  isOffPeak: (nowMs: number) => boolean
  nowMs?: () => number
}

export interface GatewayDependencies {
  settings: GatewaySettings
  tiers: Readonly<Record<Tier, ServedTier>>
  dispatcher: Dispatcher
  accounts: AccountService
  /** Where conversations were answered, shared with other gateways; absent = this process knows its own. */
  turns?: TurnStore
  /** Where responses are kept whose callers ask for it, shared with other gateways; absent = in this process. */
  responses?: ResponseStore
  /** Where it is written down how answers looked, without their text; absent = nowhere. */
  samples?: { add (sample: AnswerSample): void }
  /** null = no key is asked for (loopback only). */
  verifyKey: VerifyKey | null
  /** Absent = no files and no batches are kept. */
  batches?: BatchDependencies
  logger: FastifyBaseLogger
  /** Default: counts for itself, and nobody reads it. */
  telemetry?: Telemetry
  version: string
  isDraining (): boolean
  /** Aborted (with a GatewayError) when running answers must end now: the grace period is over. They end in an error. */
  stopping?: AbortSignal
  /** Whether a worker of this tier can take a job now. */
  isReady (tier: Tier): boolean
}
