/**
 * A conversation as plain JSON, for engines that only speak chat. A job carries it beside its token ids, never instead
 * of them: the ids are what the gateway counted and admitted; such an engine renders and counts for itself, so its counts
 * are its own and an answer cannot be resumed in the middle.
 */
import { z } from 'zod'

const toolCallSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** JSON text; need not parse. */
  argumentsText: z.string()
})

export const chatMessageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.enum(['system', 'user', 'latest_reminder']), content: z.string() }),
  z.strictObject({ role: z.literal('tool'), toolCallId: z.string(), content: z.string() }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.string(),
    /** null when the client sent none. */
    reasoning: z.string().nullable(),
    toolCalls: z.array(toolCallSchema),
    /** Last message only: the model continues this text. */
    isPrefix: z.boolean()
  })
])

export const chatSchema = z.strictObject({
  messages: z.array(chatMessageSchema).min(1),
  tools: z.array(z.strictObject({
    name: z.string(),
    description: z.string().nullable(),
    /** JSON Schema; null when the caller gave none. */
    parameters: z.unknown(),
    isStrict: z.boolean()
  })),
  toolChoice: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.enum(['auto', 'none', 'required']) }),
    z.strictObject({ kind: z.literal('named'), name: z.string() })
  ]),
  allowsParallelToolCalls: z.boolean(),
  /** What the answer must look like, whether or not the engine can enforce it. */
  responseFormat: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('text') }),
    z.strictObject({ kind: z.literal('json') }),
    z.strictObject({ kind: z.literal('schema'), name: z.string(), schema: z.unknown() })
  ]),
  /** `none` = thinking off. Always said to the engine, since defaults differ between engines and versions. */
  effort: z.enum(['none', 'low', 'high', 'max']),
  /** Texts that end the answer; the engine leaves them out of it. */
  stopStrings: z.array(z.string())
})
export type Chat = z.infer<typeof chatSchema>
export type ChatMessage = z.infer<typeof chatMessageSchema>
