/** POST and GET /v1/batches. */
import { z } from 'zod'

const limitMessage = 'must be between 1 and 100'

export const batchListSchema = z.looseObject({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1, limitMessage).max(100, limitMessage).default(20)
})

export const windowPattern = /^([1-9]\d{0,3})([mhd])$/

export const batchRequestSchema = z.looseObject({
  input_file_id: z.string().min(1, 'must name a file'),
  endpoint: z.string(),
  /** OpenAI has `24h` only; minutes, hours and days are taken here. */
  completion_window: z.string().regex(windowPattern, 'a window is a number of minutes, hours or days, such as 24h'),
  /** `gearbox_hours: off-peak` lets the requests run off-peak only. */
  metadata: z.record(z.string().max(64, 'keys have at most 64 characters'), z.string().max(512, 'values have at most 512 characters'))
    .refine(pairs => Object.keys(pairs).length <= 16, 'at most 16 pairs are allowed').nullish()
})
