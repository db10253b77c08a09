/** POST /tokenize and /detokenize: the ids that a prompt would have, and back. Nothing is generated. */
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { parseChatRequest } from '../../dialects/chat/parse-chat-request.js'
import { completionRules } from '../../dialects/completions/completion-request.js'
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../../dialects/completions/tokenize-schema.js'
import { parseOrThrow } from '../../dialects/validation-error.js'
import { GatewayError } from '../../errors.js'
import { noConversation, type Answers } from '../answer/answers.js'
import type { Asked } from '../answer/decide.js'
import { requireKnownIds, tokenizePrompt } from '../answer/plan-texts.js'
import type { ServedTier } from '../gateway-dependencies.js'
import { bodyOf } from './body-of.js'

const anyModel = 'auto'

export const tokenizeRoute: FastifyPluginAsync<{ answers: Answers }> = async (app, { answers }) => {
  /** A request that has a text and no conversation. */
  const textOn = (model: string): Asked => ({ model, thinking: { isOn: false, effort: null }, conversation: noConversation, rules: completionRules })

  async function tokensOf (request: FastifyRequest): Promise<{ tokenIds: number[], served: ServedTier, withStrings: boolean }> {
    const source = bodyOf(request)
    const body = parseOrThrow(tokenizeRequestSchema, source.value)
    const model = body.model ?? anyModel
    const withStrings = body.return_token_strs === true
    if (body.messages !== null && body.messages !== undefined) {
      const chat = parseChatRequest({ value: { ...body, model, stream_options: null }, exact: path => source.exact(path) })
      return { ...await answers.promptTokens(request, chat), withStrings }
    }
    if (typeof body.prompt !== 'string') throw new GatewayError('missing_required_parameter', 'Either prompt or messages is required', { parameter: 'prompt' })
    const { served } = await answers.languageFor(request, textOn(model))
    const { tokenIds } = await tokenizePrompt({ kind: 'text', text: body.prompt }, served.language, 'prompt')
    return { tokenIds: body.add_special_tokens === false ? tokenIds.slice(1) : tokenIds, served, withStrings }
  }

  for (const prefix of ['', '/v1']) {
    app.post(`${prefix}/tokenize`, async request => {
      const { tokenIds, served: { language, checkpoint }, withStrings } = await tokensOf(request)
      return {
        count: tokenIds.length,
        max_model_len: checkpoint.contextTokens,
        tokens: tokenIds,
        token_strs: withStrings ? tokenIds.map(id => textOf([language.tokenBytes(id)])) : null
      }
    })
    app.post(`${prefix}/detokenize`, async request => {
      const { model, tokens } = parseOrThrow(detokenizeRequestSchema, bodyOf(request).value)
      const { served: { language } } = await answers.languageFor(request, textOn(model ?? anyModel))
      requireKnownIds(tokens, language, 'tokens')
      return { prompt: textOf(tokens.map(id => language.tokenBytes(id))) }
    })
  }
}

function textOf (tokens: readonly Uint8Array[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(tokens))
}
