/**
 * POST /v1/chat/completions. A field the gateway does not know passes unread, as upstream; a field it knows must have
 * its type. null means absent everywhere: typed clients send it.
 */
import { z } from 'zod'
import { messageSchema } from './message-schema.js'
import { effortWordSchema, reasoningSchema, templateArgumentsSchema, thinkingSchema } from './thinking-schema.js'
import { responseFormatSchema, toolChoiceSchema, toolsSchema } from './tool-schema.js'

export const maxCompletionTokens = 393_216
const maxStopStrings = 16

function tokenCap (field: string) {
  const message = `Invalid ${field} value, the valid range of ${field} is [1, ${maxCompletionTokens}]`
  return z.int().min(1, message).max(maxCompletionTokens, message).nullish()
}

const stopStringSchema = z.string().min(1, 'a stop string must not be empty')

export const chatRequestSchema = z.looseObject({
  model: z.string().min(1, 'a model name must not be empty'),
  messages: z.array(messageSchema).min(1, 'at least one message is required'),

  thinking: thinkingSchema.nullish(),
  reasoning_effort: effortWordSchema.nullish(),
  reasoning: reasoningSchema.nullish(),
  chat_template_kwargs: templateArgumentsSchema.nullish(),
  enable_thinking: z.boolean().nullish(),
  include_reasoning: z.boolean().nullish(),

  max_tokens: tokenCap('max_tokens'),
  max_completion_tokens: tokenCap('max_completion_tokens'),
  min_tokens: z.int().min(0, 'must be 0 or more').nullish(),
  temperature: z.number().min(0, 'must be between 0 and 2').max(2, 'must be between 0 and 2').nullish(),
  top_p: z.number().gt(0, 'must be above 0 and at most 1').max(1, 'must be above 0 and at most 1').nullish(),
  /** 0 and -1 switch it off (vLLM). */
  top_k: z.int().min(-1, 'must be -1 or more').nullish(),
  min_p: z.number().min(0, 'must be between 0 and 1').max(1, 'must be between 0 and 1').nullish(),
  frequency_penalty: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  repetition_penalty: z.number().gt(0, 'must be above 0').nullish(),
  logit_bias: z.record(z.string().regex(/^\d{1,7}$/, 'keys are token ids'), z.number().min(-100, 'must be between -100 and 100').max(100, 'must be between -100 and 100')).nullish(),
  seed: z.int().nullish(),
  n: z.int().nullish(),
  stop: z.union([stopStringSchema, z.array(stopStringSchema).max(maxStopStrings, `at most ${maxStopStrings} stop strings are allowed`)]).nullish(),
  stop_token_ids: z.array(z.int().min(0, 'a token id is 0 or more')).nullish(),

  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0, 'must be between 0 and 20').max(20, 'must be between 0 and 20').nullish(),

  tools: toolsSchema.nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormatSchema.nullish(),

  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  continue_final_message: z.boolean().nullish(),

  user: z.string().nullish(),
  user_id: z.string().nullish(),
  cache_salt: z.string().nullish()
})
export type ChatRequestBody = z.infer<typeof chatRequestSchema>
