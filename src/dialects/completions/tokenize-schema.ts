/** POST /tokenize and /detokenize, as vLLM has them. */
import { z } from 'zod'

export const tokenizeRequestSchema = z.looseObject({
  model: z.string().nullish(),
  /** Either a text, or (with the other fields of a chat request) messages. */
  prompt: z.string().nullish(),
  messages: z.array(z.unknown()).nullish(),
  /** Whether a text begins with the begin token, as a prompt would. */
  add_special_tokens: z.boolean().nullish(),
  return_token_strs: z.boolean().nullish()
})

export const detokenizeRequestSchema = z.looseObject({
  model: z.string().nullish(),
  tokens: z.array(z.int().min(0, 'a token id is 0 or more'))
})
