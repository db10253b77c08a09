/** Every way clients say whether and how hard to think: DeepSeek, OpenAI, OpenRouter, vLLM and SGLang spellings. */
import { z } from 'zod'
import { effortWords } from '../../policy/effort-word.js'

export const effortWordSchema = z.enum(effortWords)

export const thinkingSchema = z.looseObject({
  type: z.enum(['enabled', 'disabled']),
  /** Accepted, no effect: V4 has no token budget for reasoning. */
  budget_tokens: z.number().nullish()
})

/** OpenRouter's object; on a message `reasoning` is text. */
export const reasoningSchema = z.looseObject({
  effort: effortWordSchema.nullish(),
  max_tokens: z.number().nullish(),
  exclude: z.boolean().nullish(),
  enabled: z.boolean().nullish()
})

/** vLLM and SGLang. */
export const templateArgumentsSchema = z.looseObject({
  thinking: z.boolean().nullish(),
  enable_thinking: z.boolean().nullish(),
  reasoning_effort: effortWordSchema.nullish()
})
