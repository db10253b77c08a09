/**
 * What is the same on every wire between a parsed request and its answer: decide → restore → plan → admit → generate → settle. One per
 * gateway, so that a call handed out in one dialect is known in all.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Tier } from '../../../workers/contract/job.js'
import type { AnswerIdentity, AnswerPart, AnswerUsage } from '../../dialects/answer.js'
import type { AnswerRequest } from '../../dialects/answer-request.js'
import { completionRules, type CompletionRequest } from '../../dialects/completions/completion-request.js'
import { observedBoth } from '../../dispatch/job-observer.js'
import { ContextLengthError } from '../../errors.js'
import type { CheckpointLanguage } from '../../language/checkpoint-language.js'
import type { Conversation } from '../../language/conversation.js'
import { choosePriority } from '../../policy/choose-priority.js'
import { canonicalModelNames } from '../../policy/model-name.js'
import type { AnsweredOn } from '../../stores/turn-store.js'
import type { DecidedRequest } from '../../telemetry/request-observation.js'
import type { GatewayDependencies, ServedCheckpoint, ServedTier } from '../gateway-dependencies.js'
import { abortWhenClientLeaves } from '../replies/client-connection.js'
import { accountOf, admitAnswer } from './admit-answer.js'
import { decisionHeaders, systemFingerprint } from './answer-headers.js'
import { AnswerWatch, sampled, type AnswerWatches } from './answer-watch.js'
import type { Bill } from './bill.js'
import { createCallStore, restoreOwnCalls } from './call-store.js'
import { callerPreferences, type CallerPreferences } from './caller-preferences.js'
import { replay, tryFirst } from './cascade.js'
import type { CascadeFailure } from './check-answer.js'
import { circumstancesOf, type Circumstances } from './circumstances.js'
import { ConversationTiers } from './conversation-tiers.js'
import { decide, type AnswerReason, type Asked, type Decision } from './decide.js'
import { generateAnswer, type AnswerObserver, type GenerationContext } from './generate-answer.js'
import { alternativesOf, mergeChoices, type ChoicePlan } from './merge-choices.js'
import { planAnswer, type AnswerPlan, type JobInputs } from './plan-answer.js'
import { planTexts } from './plan-texts.js'

const callStoreLimits = { maxCalls: 10_000, maxCharacters: 32 * 1024 * 1024 }

export interface OpenAnswer {
  identity: AnswerIdentity
  decision: Decision
  /** Exact. */
  promptTokens: number
  /** Nothing is generated before the first part is asked for. */
  parts: AsyncIterable<AnswerPart>
}

export interface OpenTexts extends Pick<OpenAnswer, 'identity' | 'parts'> {
  /** One for each prompt. */
  plans: AnswerPlan[]
  language: CheckpointLanguage
}

/** What those ask about who have a text and no conversation. */
export const noConversation: Conversation = { messages: [], tools: [], toolChoice: { kind: 'none' }, allowsParallelToolCalls: true, responseFormat: null }

export class Answers {
  readonly #dependencies: GatewayDependencies
  readonly #calls = createCallStore(callStoreLimits)
  readonly #conversations: ConversationTiers

  constructor (dependencies: GatewayDependencies) {
    const { turns, logger } = dependencies
    this.#dependencies = dependencies
    this.#conversations = new ConversationTiers({ ...(turns === undefined ? {} : { store: turns }), onError: error => { logger.error({ err: error }, 'where a conversation was answered could not be kept') } })
  }

  /**
   * @throws LimitError; GatewayError unsupported_model, context_length_exceeded, unsupported_parameter, invalid_value, tier_not_allowed,
   * cost_ceiling_exceeded, request_exceeds_limit, accounts_unavailable; those of dispatch, for a cascade's first answer
   */
  async open (httpRequest: FastifyRequest, reply: FastifyReply, request: AnswerRequest): Promise<OpenAnswer> {
    const { observation } = httpRequest
    observation.understood()
    const signal = abortWhenClientLeaves(reply.raw, this.#dependencies.stopping ?? null)
    const asking = await this.#asking(httpRequest, request)
    const prepared = await this.#prepare(httpRequest, request, asking)
    signal.throwIfAborted()
    const opening: Opening = { httpRequest, reply, request, asking, signal }
    if (prepared.decision.choice.reason === 'cascade') return await this.#openCascade(opening, prepared)

    const bill = await this.#admit(opening, prepared, alternativesOf(prepared.plan, request.choices ?? 1))
    return this.#work(opening, prepared, bill)
  }

  /**
   * Texts to go on with, instead of a conversation.
   *
   * @throws LimitError; GatewayError unsupported_model, context_length_exceeded, invalid_value, tier_not_allowed, cost_ceiling_exceeded,
   * request_exceeds_limit, accounts_unavailable
   */
  async openTexts (httpRequest: FastifyRequest, reply: FastifyReply, request: CompletionRequest): Promise<OpenTexts> {
    const { settings, tiers, stopping } = this.#dependencies
    const { observation } = httpRequest
    observation.understood()
    const signal = abortWhenClientLeaves(reply.raw, stopping ?? null)
    const asked = { model: request.model, thinking: { isOn: false, effort: null }, conversation: noConversation, rules: completionRules }
    const asking = await this.#asking(httpRequest, { ...request, ...asked, choices: Infinity })
    const decision = this.#decide(asked, asking)
    const { tier } = decision.choice
    const served = tiers[tier]
    const identity = identityOf(decision, this.#dependencies)
    observation.decided(decidedRequest({ httpRequest, request, decision, identity, checkpoint: served.checkpoint }))
    const plans = await planTexts({ jobId: identity.id, request, tier, served, settings, cacheSalt: cacheSaltOf(httpRequest, request.cacheUser), ...turnOf(httpRequest, asking) })
    signal.throwIfAborted()

    const promptTokens = plans.reduce((sum, { job }) => sum + job.tokenIds.length, 0)
    const { maxTokens = 0, temperature = 1, topP = 1 } = plans[0]?.job.sampling ?? {}
    observation.planned({ jobId: identity.id, promptTokens, maxTokens, temperature, topP }, observation.recordsContent ? JSON.stringify(request.prompts) : null)
    const choices = plans.flatMap(plan => alternativesOf(plan, request.choicesPerPrompt))
    const bill = await this.#admit({ httpRequest, reply, request, asking, signal }, { decision, served }, choices)
    reply.headers(decisionHeaders({ ...decision, checkpoint: served.checkpoint, priority: asking.priority }))
    const parts = this.#generate(choices, { language: served.language, observer: watchedBy(observation, bill), signal })
    return { identity, plans, language: served.language, parts: bill.charge(parts, { tellsCost: request.tellsCost === true, completed: () => {} }) }
  }

  /** The language of the tier that would answer, for those who ask about tokens. */
  async languageFor (httpRequest: FastifyRequest, asked: Asked): Promise<{ decision: Decision, served: ServedTier }> {
    const decision = this.#decide(asked, await this.#asking(httpRequest, asked))
    return { decision, served: this.#dependencies.tiers[decision.choice.tier] }
  }

  /**
   * Tokens of the prompt that `open` would send for the same conversation.
   *
   * @throws GatewayError unsupported_model, invalid_value
   */
  async countPromptTokens (httpRequest: FastifyRequest, asked: Asked): Promise<number> {
    return (await this.promptTokens(httpRequest, asked)).tokenIds.length
  }

  /** The prompt itself, and for whom. */
  async promptTokens (httpRequest: FastifyRequest, asked: Asked): Promise<{ tokenIds: number[], served: ServedTier }> {
    const { decision: { effort }, served } = await this.languageFor(httpRequest, asked)
    const prompt = served.language.render(restoreOwnCalls(asked.conversation, this.#calls), effort.effort)
    return { tokenIds: await served.language.tokenize(prompt), served }
  }

  /** Flash's whole answer, or the beginning of Pro's when that one fails a check. */
  async #openCascade (opening: Opening, first: PreparedAnswer): Promise<OpenAnswer> {
    const { httpRequest: { observation }, request, asking, signal } = opening
    const { dispatcher, settings } = this.#dependencies
    const bill = await this.#admit(opening, { ...first, decision: { ...first.decision, choice: { tier: 'pro', reason: 'cascade' } } }, alternativesOf(first.plan, 1), 'flash')
    const workOn = ({ decision: { choice }, served, plan }: PreparedAnswer, reason: string): void => {
      bill.goOn({ tier: choice.tier, reason }, { checkpoint: served.checkpoint.name, promptTokens: plan.job.tokenIds.length })
    }
    workOn(first, 'cascade')
    const { forJob } = watchedBy(observation, bill)
    const watch = new AnswerWatch(first.plan, request.answerForm)
    const { parts, finished, failure } = await tryFirst({
      watch,
      bill,
      dispatcher,
      minMeanLogprob: settings.policy.cascade.minMeanLogprob,
      run: (plan, listened) => generateAnswer({ plan, language: first.served.language, dispatcher: listened, calls: this.#calls, observer: { forJob, answered: () => {} }, signal })
    })
    if (failure === null) {
      workOn(first, 'cascade-kept')
      return this.#answer(opening, withReason(first, 'cascade-kept'), { bill, parts: replay(parts, observation), watches: { flash: watch } })
    }
    bill.supersede(finished.usage, 'cascade')
    try {
      const second = await this.#prepare(opening.httpRequest, request, { ...asking, preferences: { ...asking.preferences, tier: 'pro' } }, failure)
      workOn(second, failure)
      return this.#work(opening, second, bill, { flash: watch })
    } catch (error) {
      await bill.end(error)
      throw error
    }
  }

  /** `earlier`: of a tier whose answer this one replaces. */
  #work (opening: Opening, prepared: PreparedAnswer, bill: Bill, earlier: AnswerWatches = {}): OpenAnswer {
    const { httpRequest: { observation }, request: { answerForm, choices = 1 }, signal } = opening
    const { decision: { choice: { tier } }, served: { language }, plan } = prepared
    const context = { language, observer: watchedBy(observation, bill), signal }
    if (this.#dependencies.samples === undefined || choices > 1) return this.#answer(opening, prepared, { bill, parts: this.#generate(alternativesOf(plan, choices), context) })
    const watch = new AnswerWatch(plan, answerForm)
    const parts = watch.read(this.#generate(alternativesOf(watch.plan, 1), { ...context, dispatcher: watch.listenTo(this.#dependencies.dispatcher) }))
    return this.#answer(opening, prepared, { bill, parts, watches: { ...earlier, [tier]: watch } })
  }

  /** From here on the answer is on its way; what it costs is settled as it ends. */
  #answer ({ httpRequest, reply, request, asking }: Opening, { decision, served, plan, identity }: PreparedAnswer, { bill, parts, watches = {} }: AnswerInTheMaking): OpenAnswer {
    const { samples } = this.#dependencies
    const promptTokens = plan.job.tokenIds.length
    reply.headers(decisionHeaders({ ...decision, checkpoint: served.checkpoint, priority: asking.priority }))
    const completed = ({ completionTokens }: AnswerUsage): void => {
      this.#conversations.remember(accountOf(httpRequest).key.id, request.conversation.messages, { tier: decision.choice.tier, tokens: promptTokens + completionTokens })
    }
    const charged = bill.charge(parts, { tellsCost: request.tellsCost === true, completed })
    return { identity, decision, promptTokens, parts: samples === undefined ? charged : sampled(charged, { samples, watches, requestId: httpRequest.id, ...decision.choice }) }
  }

  #generate (choices: ChoicePlan[], { language, observer, signal, dispatcher = this.#dependencies.dispatcher }: Pick<GenerationContext, 'language' | 'observer' | 'signal'> & Partial<Pick<GenerationContext, 'dispatcher'>>): AsyncIterable<AnswerPart> {
    const context = { language, dispatcher, calls: this.#calls }
    const [only] = choices
    return only !== undefined && choices.length === 1
      ? generateAnswer({ ...context, plan: only.plan, observer, signal })
      : mergeChoices({ choices, observer, signal, run: given => generateAnswer({ ...context, ...given }) })
  }

  async #admit ({ httpRequest, reply, request, asking, signal }: Omit<Opening, 'request'> & { request: Pick<AnswerRequest, 'isStream'> }, { decision: { choice }, served }: Pick<PreparedAnswer, 'decision' | 'served'>, choices: ChoicePlan[], firstTier?: Tier): Promise<Bill> {
    return await admitAnswer({
      httpRequest,
      reply,
      ...choice,
      ...(firstTier === undefined ? {} : { firstTier }),
      choices,
      checkpoint: served.checkpoint.name,
      cachedTokensEstimate: asking.answeredOn?.tier === choice.tier ? asking.answeredOn.tokens : 0,
      maxNanoUsd: asking.maxNanoUsd,
      isStream: request.isStream,
      signal
    }, this.#dependencies)
  }

  /** Decides and plans; a tier that turns out too small, and was not asked for by name, leaves it to the other. */
  async #prepare (httpRequest: FastifyRequest, request: AnswerRequest, asking: Asking, reason?: CascadeFailure): Promise<PreparedAnswer> {
    const { settings, tiers } = this.#dependencies
    const { observation } = httpRequest
    const decided = this.#decide(request, asking)
    const decision = reason === undefined ? decided : { ...decided, choice: { ...decided.choice, reason } }
    const { tier } = decision.choice
    const served = tiers[tier]
    const identity = identityOf(decision, this.#dependencies)
    observation.decided(decidedRequest({ httpRequest, request, decision, identity, checkpoint: served.checkpoint }))
    try {
      const plan = await planAnswer({
        jobId: identity.id,
        request,
        conversation: restoreOwnCalls(request.conversation, this.#calls),
        tier,
        served,
        effort: decision.effort.effort,
        settings,
        cacheSalt: cacheSaltOf(httpRequest, request.cacheUser),
        ...turnOf(httpRequest, asking)
      })
      const { maxTokens, temperature, topP } = plan.job.sampling
      observation.planned({ jobId: identity.id, promptTokens: plan.job.tokenIds.length, maxTokens, temperature, topP }, observation.recordsContent ? JSON.stringify(request.conversation.messages) : null)
      return { identity, decision, served, plan }
    } catch (error) {
      const other = tier === 'pro' ? 'flash' : 'pro'
      const hasRoom = tiers[other].checkpoint.contextTokens > served.checkpoint.contextTokens
      const { fits } = asking.circumstances
      const isNamed = decided.choice.reason === 'pinned-by-model' || decided.choice.reason === 'asked-by-header'
      if (!(error instanceof ContextLengthError) || isNamed || !hasRoom || !fits[tier]) throw error
      return await this.#prepare(httpRequest, request, { ...asking, circumstances: { ...asking.circumstances, fits: { ...fits, [tier]: false } } })
    }
  }

  /** What is known of a request before anything is decided. */
  async #asking (httpRequest: FastifyRequest, request: Asked & Partial<Pick<AnswerRequest, 'sampling' | 'maxNanoUsd' | 'choices'>>): Promise<Asking> {
    const preferences = callerPreferences(httpRequest.headers)
    const account = accountOf(httpRequest)
    const answeredOn = await this.#conversations.find(account.key.id, request.conversation.messages)
    const maxNanoUsd = request.maxNanoUsd ?? preferences.maxNanoUsd
    const circumstances = await circumstancesOf({
      accounts: this.#dependencies.accounts,
      account,
      requestId: httpRequest.id,
      conversation: request.conversation,
      answeredOn,
      maxOutputTokens: request.sampling?.maxTokens ?? null,
      maxNanoUsd,
      // One answer is checked, not several.
      allowsCascade: (request.choices ?? 1) === 1
    })
    return { preferences, circumstances, answeredOn, maxNanoUsd, priority: choosePriority(preferences.priority, account.key.rules) }
  }

  #decide (asked: Asked, { preferences, circumstances }: Asking): Decision {
    const { settings, tiers } = this.#dependencies
    return decide({ asked, preferences, circumstances, settings, tiers })
  }
}

interface Asking {
  preferences: CallerPreferences
  circumstances: Circumstances
  answeredOn: AnsweredOn | null
  maxNanoUsd: number | null
  /** null = nobody has a word in it. */
  priority: number | null
}

interface PreparedAnswer {
  identity: AnswerIdentity
  decision: Decision
  served: ServedTier
  plan: AnswerPlan
}

interface Opening {
  httpRequest: FastifyRequest
  reply: FastifyReply
  request: AnswerRequest
  asking: Asking
  signal: AbortSignal
}

interface AnswerInTheMaking {
  bill: Bill
  parts: AsyncIterable<AnswerPart>
  /** Absent = nobody writes down what it looks like. */
  watches?: AnswerWatches
}

function withReason (prepared: PreparedAnswer, reason: AnswerReason): PreparedAnswer {
  const { decision } = prepared
  return { ...prepared, decision: { ...decision, choice: { ...decision.choice, reason } } }
}

/** Two watch one answer: what it is told for people, and what it is owed for. */
function watchedBy (observation: AnswerObserver, bill: Bill): AnswerObserver {
  return {
    forJob: () => observedBoth(observation.forJob(), bill.forJob()),
    answered: part => { observation.answered(part) }
  }
}

interface DecidedParts {
  httpRequest: FastifyRequest
  request: Pick<AnswerRequest, 'isStream'>
  decision: Decision
  identity: AnswerIdentity
  checkpoint: ServedCheckpoint
}

function decidedRequest ({ httpRequest, request, decision: { choice, effort }, identity, checkpoint }: DecidedParts): DecidedRequest {
  return {
    tier: choice.tier,
    tierReason: choice.reason,
    effort: effort.effort,
    effortReason: effort.reason,
    checkpoint: checkpoint.name,
    modelName: identity.model,
    keyId: httpRequest.caller?.keyId ?? null,
    isStream: request.isStream
  }
}

export function identityOf ({ choice, effort }: Decision, { tiers }: Pick<GatewayDependencies, 'tiers'>): AnswerIdentity {
  return {
    id: randomUUID(),
    created: Math.floor(Date.now() / 1000),
    model: canonicalModelNames[choice.tier],
    systemFingerprint: systemFingerprint(tiers[choice.tier].checkpoint),
    isThinking: effort.effort !== 'none'
  }
}

/** Where its jobs stand in line, and with which others they belong. */
function turnOf ({ internalCall, caller }: FastifyRequest, { priority, preferences }: Pick<Asking, 'priority' | 'preferences'>): Pick<JobInputs, 'priority' | 'owner' | 'session'> {
  return { priority: internalCall?.priority ?? priority ?? 0, owner: caller?.keyId ?? null, session: preferences.session }
}

/** Prefixes are shared within a key, and within a user of it when the request names one; never across. */
export function cacheSaltOf (httpRequest: FastifyRequest, cacheUser: string | null): string | null {
  const keyId = httpRequest.caller?.keyId ?? null
  if (keyId === null && cacheUser === null) return null
  return createHash('sha256').update(JSON.stringify([keyId, cacheUser])).digest('hex')
}
