/** Files, as OpenAI's and DeepSeek's APIs speak of them. */
import { z } from 'zod'

/** `batch`: input of a batch; `user_data`: kept for the caller. */
export const filePurposes = ['batch', 'user_data'] as const
const secondsMessage = 'must be between 3600 and 2592000'

export const fileUploadSchema = z.looseObject({
  purpose: z.enum(filePurposes),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': z.coerce.number().int().min(3600, secondsMessage).max(2_592_000, secondsMessage).optional()
})

export const fileListSchema = z.looseObject({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1, 'must be between 1 and 10000').max(10_000, 'must be between 1 and 10000').default(10_000),
  order: z.enum(['asc', 'desc']).default('desc'),
  purpose: z.string().optional()
})
