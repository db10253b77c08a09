/** How a worker makes itself known to a gateway: `POST /admin/api/workers`, again before the lease ends; `DELETE /admin/api/workers/{id}` to leave. */
import { z } from 'zod'
import { tierSchema } from './job.js'

export const registrationSchema = z.strictObject({
  workerId: z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores'),
  tier: tierSchema,
  /** Where the gateway reaches it. */
  address: z.url({ protocol: /^https?$/ })
})
export type Registration = z.infer<typeof registrationSchema>

export const leaseSchema = z.object({ leaseMs: z.number().positive() })
export type Lease = z.infer<typeof leaseSchema>
