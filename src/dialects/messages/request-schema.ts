/**
 * POST /v1/messages. A field the gateway does not know passes unread; null means absent. A content block is described once
 * with the fields of every kind: which of them it must have depends on its type, and new types keep appearing.
 */
import { z } from 'zod'
import { costFields } from '../cost-fields.js'
import { samplingFields } from '../sampling-fields.js'
import { functionNameSchema } from '../chat/tool-schema.js'

const maxStopStrings = 16
const maxTools = 1024

const textPartSchema = z.looseObject({ type: z.string(), text: z.string().nullish() })
export type TextPart = z.infer<typeof textPartSchema>

export const blockSchema = z.looseObject({
  type: z.string(),
  /** text */
  text: z.string().nullish(),
  /** thinking */
  thinking: z.string().nullish(),
  signature: z.string().nullish(),
  /** tool_use */
  id: z.string().nullish(),
  name: z.string().nullish(),
  input: z.record(z.string(), z.unknown()).nullish(),
  /** tool_result */
  tool_use_id: z.string().nullish(),
  is_error: z.boolean().nullish(),
  /** tool_result, search_result; an object in results of tools that other servers ran */
  content: z.union([z.string(), z.array(textPartSchema), z.looseObject({ type: z.string() })]).nullish(),
  /** image, document; a string in search_result */
  source: z.union([
    z.string(),
    z.looseObject({ type: z.string(), data: z.string().nullish(), content: z.union([z.string(), z.array(textPartSchema)]).nullish() })
  ]).nullish()
})
export type Block = z.infer<typeof blockSchema>

export const messageSchema = z.looseObject({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(blockSchema)])
})
export type InputMessage = z.infer<typeof messageSchema>

const toolSchema = z.looseObject({
  /** None or `custom`: the caller runs it. Tools that Anthropic's servers run have a type of their own, and are left out. */
  type: z.string().nullish(),
  name: functionNameSchema,
  description: z.string().nullish(),
  input_schema: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish()
})

const stopStringSchema = z.string().min(1, 'a stop sequence must not be empty')
const formatSchema = z.looseObject({ type: z.literal('json_schema'), schema: z.record(z.string(), z.unknown()) })

export const countTokensRequestSchema = z.looseObject({
  model: z.string().min(1, 'a model name must not be empty'),
  messages: z.array(messageSchema).min(1, 'at least one message is required'),
  system: z.union([z.string(), z.array(textPartSchema)]).nullish(),
  tools: z.array(toolSchema).max(maxTools, `at most ${maxTools} tools are allowed`).nullish(),
  tool_choice: z.looseObject({
    type: z.enum(['none', 'auto', 'any', 'tool']),
    name: z.string().nullish(),
    disable_parallel_tool_use: z.boolean().nullish()
  }).nullish(),
  thinking: z.looseObject({
    type: z.enum(['enabled', 'disabled', 'adaptive']),
    /** Accepted, no effect: V4 has no token budget for reasoning. */
    budget_tokens: z.number().nullish(),
    /** `omitted`: thinking blocks come with their signature and no text. */
    display: z.string().nullish()
  }).nullish(),
  output_config: z.looseObject({
    effort: z.enum(['low', 'medium', 'high', 'xhigh', 'ultra', 'max']).nullish(),
    format: formatSchema.nullish()
  }).nullish()
})
export type CountTokensBody = z.infer<typeof countTokensRequestSchema>

export const messagesRequestSchema = countTokensRequestSchema.extend({
  max_tokens: z.int().min(1, 'must be 1 or more'),
  stop_sequences: z.array(stopStringSchema).max(maxStopStrings, `at most ${maxStopStrings} stop sequences are allowed`).nullish(),
  stream: z.boolean().nullish(),
  ...costFields,
  temperature: samplingFields.temperature,
  top_p: samplingFields.top_p,
  top_k: samplingFields.top_k,
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish()
})
