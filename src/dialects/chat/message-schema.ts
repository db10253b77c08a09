/**
 * The messages of a chat request, every role and content form clients send. Unknown keys pass: SDKs keep adding some.
 */
import { z } from 'zod'

export const contentPartSchema = z.looseObject({
  type: z.string(),
  text: z.string().nullish(),
  refusal: z.string().nullish()
})
export type ContentPart = z.infer<typeof contentPartSchema>

export const contentSchema = z.union([z.string(), z.array(contentPartSchema)])
export type Content = z.infer<typeof contentSchema>

export const toolCallSchema = z.looseObject({
  id: z.string().nullish(),
  type: z.literal('function').nullish(),
  function: z.looseObject({
    name: z.string(),
    /** JSON text; some clients send the object itself. */
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish()
  })
})

const name = z.string().nullish()

export const systemMessageSchema = z.looseObject({ role: z.literal('system'), content: contentSchema, name })
const developerMessageSchema = systemMessageSchema.extend({ role: z.literal('developer') })
const reminderMessageSchema = systemMessageSchema.extend({ role: z.literal('latest_reminder') })

export const userMessageSchema = z.looseObject({ role: z.literal('user'), content: contentSchema, name })

export const assistantMessageSchema = z.looseObject({
  role: z.literal('assistant'),
  content: contentSchema.nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  reasoning_details: z.array(z.looseObject({ type: z.string().nullish(), text: z.string().nullish() })).nullish(),
  tool_calls: z.array(toolCallSchema).nullish(),
  refusal: z.string().nullish(),
  name,
  prefix: z.boolean().nullish()
})
export type AssistantMessage = z.infer<typeof assistantMessageSchema>

export const toolMessageSchema = z.looseObject({
  role: z.literal('tool'),
  content: contentSchema.nullish(),
  tool_call_id: z.string().nullish(),
  name
})

export const messageSchema = z.discriminatedUnion('role', [
  systemMessageSchema, userMessageSchema, assistantMessageSchema, toolMessageSchema, reminderMessageSchema, developerMessageSchema
])
export type ChatMessage = z.infer<typeof messageSchema>
