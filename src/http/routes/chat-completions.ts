/** POST /v1/chat/completions, and the paths DeepSeek documents without /v1. */
import type { FastifyPluginAsync } from 'fastify'
import { ChatStream } from '../../dialects/chat/chat-chunks.js'
import { ChatCompletionBuilder } from '../../dialects/chat/chat-completion.js'
import { parseChatRequest } from '../../dialects/chat/parse-chat-request.js'
import type { Answers } from '../answer/answers.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { sendAnswer } from '../replies/send-answer.js'
import { bodyOf } from './body-of.js'

const paths = ['/v1/chat/completions', '/chat/completions', '/beta/chat/completions', '/beta/v1/chat/completions']

export const chatCompletionsRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies, answers: Answers }> = async (app, { dependencies: { settings }, answers }) => {
  for (const path of paths) {
    app.post(path, async (httpRequest, reply) => {
      const request = parseChatRequest(bodyOf(httpRequest))
      const { identity, parts } = await answers.open(httpRequest, reply, request)
      const { includesUsage, showsReasoning, choices: choiceCount = 1 } = request
      const writer = request.isStream
        ? { stream: new ChatStream({ identity, usageLayout: settings.usageChunk, includesUsage, showsReasoning, choiceCount }) }
        : { whole: new ChatCompletionBuilder({ identity, showsReasoning, choiceCount }) }
      await sendAnswer({ reply, parts, writer, settings })
    })
  }
}
