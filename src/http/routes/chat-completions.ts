/** POST /v1/chat/completions, and the paths DeepSeek documents without /v1. One request, top to bottom. */
import { createHash, randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { AnswerIdentity } from '../../dialects/answer.js'
import { ChatStream } from '../../dialects/chat/chat-chunks.js'
import { ChatCompletionBuilder } from '../../dialects/chat/chat-completion.js'
import type { ChatRequest } from '../../dialects/chat/chat-request.js'
import { parseChatRequest } from '../../dialects/chat/parse-chat-request.js'
import type { RequestBody } from '../../dialects/request-body.js'
import { GatewayError } from '../../errors.js'
import { canonicalModelNames } from '../../policy/model-name.js'
import { decisionHeaders, systemFingerprint } from '../answer/answer-headers.js'
import { createCallStore, restoreOwnCalls } from '../answer/call-store.js'
import { generateAnswer } from '../answer/generate-answer.js'
import { planAnswer } from '../answer/plan-answer.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { abortWhenClientLeaves } from '../replies/client-connection.js'
import { sendJson } from '../replies/json-reply.js'
import { sendSse } from '../replies/sse-reply.js'
import { callerPreferences } from './caller-preferences.js'
import { decide, type Decision } from './decide.js'

const paths = ['/v1/chat/completions', '/chat/completions', '/beta/chat/completions', '/beta/v1/chat/completions']
const callStoreLimits = { maxCalls: 10_000, maxCharacters: 32 * 1024 * 1024 }
const defaultJsonKeepAliveMs = 30_000
const defaultStalledClientMs = 60_000

export const chatCompletionsRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies }> = async (app, { dependencies }) => {
  const { settings, tiers, dispatcher } = dependencies
  const calls = createCallStore(callStoreLimits)

  async function answerChat (httpRequest: FastifyRequest, reply: FastifyReply): Promise<void> {
    const signal = abortWhenClientLeaves(reply.raw, dependencies.stopping ?? null)
    const request = parseChatRequest(bodyOf(httpRequest))
    const decision = decide(request, callerPreferences(httpRequest.headers), dependencies)
    const { tier } = decision.choice
    const served = tiers[tier]
    const identity = identityOf(decision, dependencies)
    const plan = await planAnswer({
      jobId: identity.id,
      request,
      conversation: restoreOwnCalls(request.conversation, calls),
      tier,
      served,
      effort: decision.effort.effort,
      settings,
      cacheSalt: cacheSaltOf(httpRequest, request)
    })
    signal.throwIfAborted()

    reply.headers(decisionHeaders({ ...decision, checkpoint: served.checkpoint }))
    Object.assign(httpRequest.logFields, { jobId: identity.id, tier, tierReason: decision.choice.reason, effort: decision.effort.effort, promptTokens: plan.job.tokenIds.length, isStream: request.isStream })
    const parts = generateAnswer({ plan, language: served.language, dispatcher, calls, signal })

    if (request.isStream) {
      const chunks = new ChatStream({ identity, usageLayout: settings.usageChunk, includesUsage: request.includesUsage, showsReasoning: request.showsReasoning })
      await sendSse({ reply, parts, chunks, keepAliveMs: settings.keepAliveMs, stalledClientMs: settings.stalledClientMs ?? defaultStalledClientMs })
    } else {
      const completion = new ChatCompletionBuilder()
      const builder = { add: completion.add.bind(completion), build: () => completion.build(identity, request) }
      await sendJson({ reply, parts, builder, keepAliveMs: settings.jsonKeepAliveMs ?? defaultJsonKeepAliveMs })
    }
  }

  for (const path of paths) app.post(path, answerChat)
}

function bodyOf (request: FastifyRequest): RequestBody {
  if (request.body === undefined || request.body === null) throw new GatewayError('invalid_json', 'The request has no body: send JSON')
  return request.body as RequestBody
}

function identityOf ({ choice, effort }: Decision, { tiers }: GatewayDependencies): AnswerIdentity {
  return {
    id: randomUUID(),
    created: Math.floor(Date.now() / 1000),
    model: canonicalModelNames[choice.tier],
    systemFingerprint: systemFingerprint(tiers[choice.tier].checkpoint),
    isThinking: effort.effort !== 'none'
  }
}

/** Prefixes are shared within a key, and within a user of it when the request names one; never across. */
function cacheSaltOf (httpRequest: FastifyRequest, { cacheUser }: ChatRequest): string | null {
  const keyId = httpRequest.caller?.keyId ?? null
  if (keyId === null && cacheUser === null) return null
  return createHash('sha256').update(JSON.stringify([keyId, cacheUser])).digest('hex')
}
