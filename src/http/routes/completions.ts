/** POST /v1/completions: raw text and fill in the middle, in the legacy dialect of OpenAI. */
import type { FastifyPluginAsync } from 'fastify'
import type { CompletionRequest } from '../../dialects/completions/completion-request.js'
import { parseCompletionRequest } from '../../dialects/completions/parse-completion-request.js'
import { TextCompletionBuilder } from '../../dialects/completions/text-completion.js'
import { TextStream } from '../../dialects/completions/text-stream.js'
import type { CheckpointLanguage } from '../../language/checkpoint-language.js'
import { beginOfSentence } from '../../language/control-tokens.js'
import type { Answers, OpenTexts } from '../answer/answers.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { sendAnswer } from '../replies/send-answer.js'
import { bodyOf } from './body-of.js'

const paths = ['/v1/completions', '/completions', '/beta/completions', '/beta/v1/completions']

export const completionsRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies, answers: Answers }> = async (app, { dependencies: { settings }, answers }) => {
  for (const path of paths) {
    app.post(path, async (httpRequest, reply) => {
      const request = parseCompletionRequest(bodyOf(httpRequest))
      const texts = await answers.openTexts(httpRequest, reply, request)
      const options = {
        identity: texts.identity,
        choiceCount: request.prompts.length * request.choicesPerPrompt,
        echo: request.echoes ? echoOf(request, texts) : null
      }
      const writer = request.isStream
        ? { stream: new TextStream({ ...options, usageLayout: settings.usageChunk, includesUsage: request.includesUsage }) }
        : { whole: new TextCompletionBuilder(options) }
      await sendAnswer({ reply, parts: texts.parts, writer, settings })
    })
  }
}

/** Each prompt as its choices repeat it, without the begin token. */
function echoOf (request: CompletionRequest, { plans, language }: Pick<OpenTexts, 'plans' | 'language'>): (choice: number) => string {
  const prompts = plans.map(({ job }) => promptText(job.tokenIds, language))
  return choice => prompts[Math.floor(choice / request.choicesPerPrompt)] ?? ''
}

function promptText (ids: readonly number[], language: CheckpointLanguage): string {
  const tokens = ids.map(id => language.tokenBytes(id))
  if (tokens[0] !== undefined && Buffer.from(tokens[0]).toString() === beginOfSentence) tokens.shift()
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(tokens))
}
