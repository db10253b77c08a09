/** POST /v1/completions: text in, the text that follows out. As in chat, unknown fields pass and null means absent. */
import { z } from 'zod'
import { costFields } from '../cost-fields.js'
import { samplingFields } from '../sampling-fields.js'

export const maxPrompts = 128
const tokenIdSchema = z.int().min(0, 'a token id is 0 or more')

/** Ids come first: a million of them must not be tried as strings. */
const promptPartSchema = z.union([tokenIdSchema, z.string(), z.array(tokenIdSchema)])

export const completionRequestSchema = z.looseObject({
  model: z.string().min(1, 'a model name must not be empty'),
  /** A text, texts, token ids, or lists of token ids. */
  prompt: z.union([z.string(), z.array(promptPartSchema).min(1, 'at least one prompt is required')]),
  /** What comes after the gap that the model fills. */
  suffix: z.string().nullish(),
  echo: z.boolean().nullish(),
  logprobs: z.int().min(0, 'must be between 0 and 20').max(20, 'must be between 0 and 20').nullish(),
  ...samplingFields,
  /** Only as many as are returned. */
  best_of: z.int().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  ...costFields,
  user: z.string().nullish(),
  user_id: z.string().nullish(),
  cache_salt: z.string().nullish()
})
export type CompletionRequestBody = z.infer<typeof completionRequestSchema>
export type PromptBody = CompletionRequestBody['prompt']
