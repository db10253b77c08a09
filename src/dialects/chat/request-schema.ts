/**
 * POST /v1/chat/completions. A field the gateway does not know passes unread, as upstream; a field it knows must have
 * its type. null means absent everywhere: typed clients send it.
 */
import { z } from 'zod'
import { costFields } from '../cost-fields.js'
import { samplingFields, tokenCap } from '../sampling-fields.js'
import { messageSchema } from './message-schema.js'
import { effortWordSchema, reasoningSchema, templateArgumentsSchema, thinkingSchema } from './thinking-schema.js'
import { responseFormatSchema, toolChoiceSchema, toolsSchema } from './tool-schema.js'

export const chatRequestSchema = z.looseObject({
  model: z.string().min(1, 'a model name must not be empty'),
  messages: z.array(messageSchema).min(1, 'at least one message is required'),

  thinking: thinkingSchema.nullish(),
  reasoning_effort: effortWordSchema.nullish(),
  reasoning: reasoningSchema.nullish(),
  chat_template_kwargs: templateArgumentsSchema.nullish(),
  enable_thinking: z.boolean().nullish(),
  include_reasoning: z.boolean().nullish(),

  ...samplingFields,
  max_completion_tokens: tokenCap('max_completion_tokens'),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0, 'must be between 0 and 20').max(20, 'must be between 0 and 20').nullish(),

  tools: toolsSchema.nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormatSchema.nullish(),

  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  ...costFields,
  continue_final_message: z.boolean().nullish(),

  user: z.string().nullish(),
  user_id: z.string().nullish(),
  cache_salt: z.string().nullish()
})
export type ChatRequestBody = z.infer<typeof chatRequestSchema>
