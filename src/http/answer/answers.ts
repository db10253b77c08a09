/**
 * What is the same on every wire between a parsed request and its answer: decide → restore → plan → generate. One per
 * gateway, so that a call handed out in one dialect is known in all.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AnswerIdentity, AnswerPart } from '../../dialects/answer.js'
import type { AnswerRequest } from '../../dialects/answer-request.js'
import { canonicalModelNames } from '../../policy/model-name.js'
import type { DecidedRequest } from '../../telemetry/request-observation.js'
import type { GatewayDependencies, ServedCheckpoint } from '../gateway-dependencies.js'
import { abortWhenClientLeaves } from '../replies/client-connection.js'
import { decisionHeaders, systemFingerprint } from './answer-headers.js'
import { createCallStore, restoreOwnCalls } from './call-store.js'
import { callerPreferences } from './caller-preferences.js'
import { decide, type Asked, type Decision } from './decide.js'
import { generateAnswer } from './generate-answer.js'
import { planAnswer } from './plan-answer.js'

const callStoreLimits = { maxCalls: 10_000, maxCharacters: 32 * 1024 * 1024 }

export interface OpenAnswer {
  identity: AnswerIdentity
  decision: Decision
  /** Exact. */
  promptTokens: number
  /** Nothing is generated before the first part is asked for. */
  parts: AsyncIterable<AnswerPart>
}

export class Answers {
  readonly #dependencies: GatewayDependencies
  readonly #calls = createCallStore(callStoreLimits)

  constructor (dependencies: GatewayDependencies) {
    this.#dependencies = dependencies
  }

  /** @throws GatewayError unsupported_model, context_length_exceeded, unsupported_parameter, invalid_value */
  async open (httpRequest: FastifyRequest, reply: FastifyReply, request: AnswerRequest): Promise<OpenAnswer> {
    const { settings, tiers, dispatcher, stopping } = this.#dependencies
    const { observation } = httpRequest
    observation.understood()
    const signal = abortWhenClientLeaves(reply.raw, stopping ?? null)
    const decision = this.#decide(httpRequest, request)
    const { tier } = decision.choice
    const served = tiers[tier]
    const identity = identityOf(decision, this.#dependencies)
    observation.decided(decidedRequest({ httpRequest, request, decision, identity, checkpoint: served.checkpoint }))
    const plan = await planAnswer({
      jobId: identity.id,
      request,
      conversation: restoreOwnCalls(request.conversation, this.#calls),
      tier,
      served,
      effort: decision.effort.effort,
      settings,
      cacheSalt: cacheSaltOf(httpRequest, request.cacheUser)
    })
    signal.throwIfAborted()

    const promptTokens = plan.job.tokenIds.length
    reply.headers(decisionHeaders({ ...decision, checkpoint: served.checkpoint }))
    const { maxTokens, temperature, topP } = plan.job.sampling
    observation.planned({ jobId: identity.id, promptTokens, maxTokens, temperature, topP }, observation.recordsContent ? JSON.stringify(request.conversation.messages) : null)
    return { identity, decision, promptTokens, parts: generateAnswer({ plan, language: served.language, dispatcher, calls: this.#calls, observer: observation, signal }) }
  }

  /**
   * Tokens of the prompt that `open` would send for the same conversation.
   *
   * @throws GatewayError unsupported_model, invalid_value
   */
  async countPromptTokens (httpRequest: FastifyRequest, asked: Asked): Promise<number> {
    const { choice, effort } = this.#decide(httpRequest, asked)
    const { language } = this.#dependencies.tiers[choice.tier]
    const prompt = language.render(restoreOwnCalls(asked.conversation, this.#calls), effort.effort)
    return (await language.tokenize(prompt)).length
  }

  #decide (httpRequest: FastifyRequest, asked: Asked): Decision {
    return decide(asked, callerPreferences(httpRequest.headers), this.#dependencies)
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

/** Prefixes are shared within a key, and within a user of it when the request names one; never across. */
export function cacheSaltOf (httpRequest: FastifyRequest, cacheUser: string | null): string | null {
  const keyId = httpRequest.caller?.keyId ?? null
  if (keyId === null && cacheUser === null) return null
  return createHash('sha256').update(JSON.stringify([keyId, cacheUser])).digest('hex')
}
