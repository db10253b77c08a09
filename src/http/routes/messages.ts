/** POST /v1/messages and its count_tokens: Anthropic's dialect. */
import type { FastifyPluginAsync } from 'fastify'
import { MessageBuilder } from '../../dialects/messages/message-builder.js'
import { MessageStream } from '../../dialects/messages/message-stream.js'
import { parseMessagesRequest } from '../../dialects/messages/parse-messages-request.js'
import type { Answers } from '../answer/answers.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { sendAnswer } from '../replies/send-answer.js'
import { bodyOf } from './body-of.js'
import { countTokensRoute } from './count-tokens.js'
import { messagesSettings } from './messages-settings.js'

export const messagesRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies, answers: Answers }> = async (app, { dependencies, answers }) => {
  const { settings } = dependencies
  await app.register(countTokensRoute, { dependencies, answers })
  for (const path of ['/v1/messages', '/anthropic/v1/messages']) {
    app.post(path, async (httpRequest, reply) => {
      const request = parseMessagesRequest(bodyOf(httpRequest), messagesSettings(settings))
      const { identity, promptTokens, parts } = await answers.open(httpRequest, reply, request)
      const { showsReasoning } = request
      const writer = request.isStream
        ? { stream: new MessageStream({ identity, promptTokens, showsReasoning }) }
        : { whole: new MessageBuilder({ identity, showsReasoning }) }
      await sendAnswer({ reply, parts, writer, settings })
    })
  }
}
