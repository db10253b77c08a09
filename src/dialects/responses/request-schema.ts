/**
 * POST /v1/responses. Items and tools of a kind that nobody here serves are left out, not refused: Codex and others always
 * send some. An item is described once, with the fields of every kind that is read; null means absent.
 */
import { z } from 'zod'
import { costFields } from '../cost-fields.js'
import { samplingFields } from '../sampling-fields.js'
import { effortWordSchema } from '../chat/thinking-schema.js'

const maxTools = 128

export const partSchema = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  refusal: z.string().nullish()
})
export type Part = z.infer<typeof partSchema>

const partsSchema = z.union([z.string(), z.array(partSchema)])

export const itemSchema = z.looseObject({
  /** None: a message. */
  type: z.string().nullish(),
  role: z.string().nullish(),
  /** message, reasoning */
  content: partsSchema.nullish(),
  /** reasoning */
  encrypted_content: z.string().nullish(),
  /** function_call, custom_tool_call and their outputs */
  call_id: z.string().nullish(),
  name: z.string().nullish(),
  arguments: z.string().nullish(),
  input: z.string().nullish(),
  output: partsSchema.nullish()
})
export type Item = z.infer<typeof itemSchema>

const toolSchema = z.looseObject({
  type: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
  /** Of a custom tool. */
  format: z.looseObject({ type: z.string(), syntax: z.string().nullish(), definition: z.string().nullish() }).nullish()
})

const formatSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string().nullish(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish()
  })
])

export const responsesRequestSchema = z.looseObject({
  model: z.string().min(1, 'a model name must not be empty'),
  input: z.union([z.string(), z.array(itemSchema)]).nullish(),
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  ...costFields,
  max_output_tokens: z.int().min(1, 'must be 1 or more').nullish(),
  temperature: samplingFields.temperature,
  top_p: samplingFields.top_p,
  top_logprobs: z.int().min(0, 'must be between 0 and 20').max(20, 'must be between 0 and 20').nullish(),
  include: z.array(z.string()).nullish(),
  tools: z.array(toolSchema).max(maxTools, `at most ${maxTools} tools are allowed`).nullish(),
  tool_choice: z.union([
    z.enum(['none', 'auto', 'required']),
    z.looseObject({
      type: z.string(),
      name: z.string().nullish(),
      /** Of `allowed_tools`. */
      mode: z.enum(['auto', 'required']).nullish(),
      tools: z.array(z.looseObject({ type: z.string(), name: z.string().nullish() })).nullish()
    })
  ]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning: z.looseObject({ effort: effortWordSchema.nullish() }).nullish(),
  text: z.looseObject({ format: formatSchema.nullish() }).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  user: z.string().nullish()
})
export type ResponsesBody = z.infer<typeof responsesRequestSchema>
