/**
 * From a conversation to a job: render, tokenise, count, and fill in what the caller left open. Refuses here what no
 * worker could do, before any worker is asked.
 */
import type { Sampling, Tier } from '../../../workers/contract/job.js'
import type { AnswerRequest } from '../../dialects/answer-request.js'
import type { RequestedSampling } from '../../dialects/requested-sampling.js'
import type { JobRequest } from '../../dispatch/dispatch-event.js'
import { ContextLengthError, GatewayError } from '../../errors.js'
import type { Conversation, Effort, ToolDefinition } from '../../language/conversation.js'
import type { RenderedPrompt } from '../../language/render/rendered-prompt.js'
import type { GatewaySettings, ServedTier } from '../gateway-dependencies.js'
import { answerConstraint } from './answer-constraint.js'
import { chatOf } from './chat-job.js'

/** DeepSeek's caps for a request that names none, reasoning included. */
const defaultMaxTokens: Readonly<Record<Effort, number>> = { none: 8_192, low: 65_536, high: 65_536, max: 131_072 }

export interface AnswerPlan {
  job: JobRequest
  prompt: RenderedPrompt
  offeredTools: ToolDefinition[]
  stopStrings: string[]
  allowsParallelToolCalls: boolean
}

export interface PlanInputs {
  jobId: string
  request: Pick<AnswerRequest, 'answerForm' | 'sampling' | 'stopStrings' | 'rules'>
  conversation: Conversation
  tier: Tier
  served: ServedTier
  effort: Effort
  settings: GatewaySettings
  cacheSalt: string | null
  /** Higher goes first; 0 = as everybody. */
  priority: number
  /** Whose turn it takes in line; null = a caller without a key. */
  owner: string | null
  /** Jobs of one session like to run on one worker; null = none was named. */
  session: string | null
}

/** @throws GatewayError context_length_exceeded, unsupported_parameter */
export async function planAnswer (inputs: PlanInputs): Promise<AnswerPlan> {
  const { request, conversation, served, effort, settings } = inputs
  const offeredTools = offeredToolsOf(conversation)
  const prompt = served.language.render(conversation, effort)
  const constraint = answerConstraint({ request, conversation, offeredTools, start: prompt.start, checkpoint: served.checkpoint })
  const tokenIds = await served.language.tokenize(prompt)
  const isFree = effort === 'none' || settings.honoursSamplingInThinking
  const job = jobOf(inputs, { tokenIds, isFree, defaultMaxTokens: defaultMaxTokens[effort] })
  return {
    job: {
      ...job,
      chat: () => chatOf({ conversation, answerForm: request.answerForm, stopStrings: request.stopStrings, effort }),
      ...(constraint === null ? {} : { constraint }),
      ...(constraint !== null && prompt.start === 'reasoning' ? { constraintAfterTokenId: served.language.thinkEndId } : {})
    },
    prompt,
    offeredTools,
    stopStrings: request.stopStrings,
    allowsParallelToolCalls: conversation.allowsParallelToolCalls
  }
}

export interface JobInputs extends Omit<PlanInputs, 'request' | 'conversation' | 'effort'> {
  request: Pick<AnswerRequest, 'sampling' | 'rules'>
}

interface PromptIds {
  tokenIds: number[]
  /** Whether temperature and the like are the caller's to choose. */
  isFree: boolean
  defaultMaxTokens: number
}

/** @throws GatewayError context_length_exceeded, invalid_value */
export function jobOf (inputs: JobInputs, { tokenIds, isFree, defaultMaxTokens }: PromptIds): JobRequest {
  const { request: { sampling, rules }, served: { language, checkpoint } } = inputs
  refuseUnknownIds(sampling, language.vocabularySize)
  const maxTokens = maxTokensOf({ promptTokens: tokenIds.length, asked: sampling.maxTokens, defaultMaxTokens, contextTokens: checkpoint.contextTokens, overlong: overlongRule(inputs), parameter: rules.fields.conversation })
  return {
    requestId: inputs.jobId,
    tier: inputs.tier,
    checkpoint: checkpoint.name,
    tokenIds,
    sampling: {
      ...samplingOf(sampling, { isFree, maxTokens }),
      stopTokenIds: [language.endOfSentenceId, ...sampling.stopTokenIds]
    },
    ...(inputs.priority === 0 ? {} : { priority: inputs.priority }),
    ...(inputs.cacheSalt === null ? {} : { cacheSalt: inputs.cacheSalt }),
    ...(inputs.owner === null ? {} : { owner: inputs.owner }),
    ...(inputs.session === null ? {} : { session: inputs.session })
  }
}

/** A bias on a token that does not exist would be dropped in silence. */
function refuseUnknownIds ({ logitBias, stopTokenIds }: RequestedSampling, vocabularySize: number): void {
  const refuse = (id: string | number, parameter: string): never => {
    throw new GatewayError('invalid_value', `Invalid ${parameter}: ${id} is not a token id of this model, ids are below ${vocabularySize}`, { parameter })
  }
  for (const id of Object.keys(logitBias ?? {})) if (Number(id) >= vocabularySize) refuse(id, 'logit_bias')
  for (const id of stopTokenIds) if (id >= vocabularySize) refuse(id, 'stop_token_ids')
}

function overlongRule ({ settings: { overlongCompletion = 'by-dialect' }, request }: JobInputs): 'refuse' | 'clamp' {
  return overlongCompletion === 'by-dialect' ? request.rules.overlongCompletion : overlongCompletion
}

function offeredToolsOf ({ tools, toolChoice }: Conversation): ToolDefinition[] {
  if (toolChoice.kind === 'none') return []
  return toolChoice.kind === 'named' ? tools.filter(tool => tool.name === toolChoice.name) : tools
}

interface Room {
  promptTokens: number
  asked: number | null
  defaultMaxTokens: number
  contextTokens: number
  overlong: 'refuse' | 'clamp'
  /** Names the prompt in the error. */
  parameter: string
}

/** Counts are exact: these are the ids a worker would get. */
function maxTokensOf ({ promptTokens, asked, defaultMaxTokens, contextTokens, overlong, parameter }: Room): number {
  const left = contextTokens - promptTokens
  const wanted = asked ?? Math.min(left, defaultMaxTokens)
  if (left >= 1 && (wanted <= left || overlong === 'clamp')) return Math.min(wanted, left)
  throw new ContextLengthError({ promptTokens, completionTokens: Math.max(1, wanted), contextTokens }, parameter)
}

/** Where sampling is not the caller's to choose (thinking, as DeepSeek has it) the seed and the limits still are. */
function samplingOf (asked: RequestedSampling, { isFree, maxTokens }: { isFree: boolean, maxTokens: number }): Omit<Sampling, 'stopTokenIds'> {
  const optional = {
    topK: isFree ? asked.topK : null,
    minP: isFree ? asked.minP : null,
    seed: asked.seed,
    presencePenalty: isFree ? asked.presencePenalty : null,
    frequencyPenalty: isFree ? asked.frequencyPenalty : null,
    repetitionPenalty: isFree ? asked.repetitionPenalty : null,
    logitBias: asked.logitBias,
    minTokens: asked.minTokens === null ? null : Math.min(asked.minTokens, maxTokens),
    logprobs: asked.logprobs
  }
  return {
    temperature: isFree ? asked.temperature ?? 1 : 1,
    topP: isFree ? asked.topP ?? 1 : 1,
    maxTokens,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null))
  }
}
