/** From a request body to a CompletionRequest, or the error that says which field is wrong. Pure. */
import { GatewayError } from '../../errors.js'
import { costWishesOf } from '../cost-fields.js'
import type { RequestBody } from '../request-body.js'
import { samplingOf, stopStringsOf } from '../sampling-fields.js'
import { parseOrThrow } from '../validation-error.js'
import type { CompletionPrompt, CompletionRequest } from './completion-request.js'
import { completionRequestSchema, maxPrompts, type CompletionRequestBody, type PromptBody } from './request-schema.js'

/** @throws GatewayError invalid_type, invalid_value, missing_required_parameter, unsupported_parameter */
export function parseCompletionRequest (source: RequestBody): CompletionRequest {
  const body = parseOrThrow(completionRequestSchema, source.value)
  refuseContradictions(body)
  return {
    model: body.model,
    prompts: toPrompts(body.prompt, body.suffix ?? null),
    choicesPerPrompt: body.n ?? 1,
    echoes: body.echo === true,
    sampling: samplingOf(body, { maxTokens: body.max_tokens ?? null, logprobs: body.logprobs ?? null }),
    stopStrings: stopStringsOf(body),
    isStream: body.stream === true,
    includesUsage: body.stream_options?.include_usage === true || body.usage?.include === true,
    ...costWishesOf(body),
    cacheUser: body.user_id ?? body.cache_salt ?? body.user ?? null
  }
}

function refuseContradictions (body: CompletionRequestBody): void {
  if (body.stream_options !== null && body.stream_options !== undefined && body.stream !== true) {
    throw new GatewayError('invalid_value', 'stream_options is allowed only when stream is true', { parameter: 'stream_options' })
  }
  if (typeof body.best_of === 'number' && body.best_of !== (body.n ?? 1)) {
    throw new GatewayError('unsupported_parameter', 'best_of is not supported beyond n', { parameter: 'best_of' })
  }
  // A prompt is read without the log-probabilities of its tokens; null in their place would be taken for a measurement.
  if (body.echo === true && typeof body.logprobs === 'number') {
    throw new GatewayError('unsupported_parameter', 'logprobs cannot be used together with echo: log-probabilities of the prompt are not computed', { parameter: 'logprobs' })
  }
  if (typeof body.suffix === 'string' && body.echo === true) {
    throw new GatewayError('invalid_value', 'echo cannot be used together with suffix', { parameter: 'echo' })
  }
}

function toPrompts (prompt: PromptBody, suffix: string | null): CompletionPrompt[] {
  if (typeof prompt === 'string') return [textPrompt(prompt, suffix)]
  if (prompt.every(part => typeof part === 'number')) return [idsPrompt(prompt, suffix, 'prompt')]
  if (prompt.length > maxPrompts) throw new GatewayError('invalid_value', `Invalid prompt: at most ${maxPrompts} prompts are allowed`, { parameter: 'prompt' })
  if (prompt.every(part => typeof part === 'string')) return prompt.map(text => textPrompt(text, suffix))
  return prompt.map((part, index) => {
    if (Array.isArray(part)) return idsPrompt(part, suffix, `prompt[${index}]`)
    throw new GatewayError('invalid_value', 'Invalid prompt: texts, token ids and lists of token ids cannot be mixed', { parameter: `prompt[${index}]` })
  })
}

function textPrompt (text: string, suffix: string | null): CompletionPrompt {
  return suffix === null ? { kind: 'text', text } : { kind: 'gap', prefix: text, suffix }
}

function idsPrompt (ids: number[], suffix: string | null, path: string): CompletionPrompt {
  if (suffix !== null) throw new GatewayError('invalid_value', 'suffix needs a prompt in text', { parameter: 'suffix' })
  if (ids.length === 0) throw new GatewayError('invalid_value', `Invalid ${path}: a prompt must not be empty`, { parameter: path })
  return { kind: 'ids', ids }
}
