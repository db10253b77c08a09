import { z } from 'zod'

/** One line of a worker's standard output, for whoever started it. */
export const workerNoticeSchema = z.object({
  state: z.enum(['loading', 'ready']),
  /** Where it listens: `unix:/path` or `http://host:port`. */
  address: z.string(),
  instanceId: z.string()
})
export type WorkerNotice = z.infer<typeof workerNoticeSchema>
