/** POST /v1/messages/count_tokens: the prompt is rendered and tokenised as for an answer, so the count is exact. */
import type { FastifyPluginAsync } from 'fastify'
import { parseCountTokensRequest } from '../../dialects/messages/parse-messages-request.js'
import type { Answers } from '../answer/answers.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { bodyOf } from './body-of.js'
import { messagesSettings } from './messages-settings.js'

export const countTokensRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies, answers: Answers }> = async (app, { dependencies: { settings }, answers }) => {
  for (const path of ['/v1/messages/count_tokens', '/anthropic/v1/messages/count_tokens']) {
    app.post(path, async httpRequest => {
      const request = parseCountTokensRequest(bodyOf(httpRequest), messagesSettings(settings))
      return { input_tokens: await answers.countPromptTokens(httpRequest, request) }
    })
  }
}
