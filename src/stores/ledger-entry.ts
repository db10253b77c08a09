/** One line of the ledger: one attempt to answer a request. Written once, never changed. */
import { z } from 'zod'
import { tierSchema } from '../../workers/contract/job.js'

/**
 * completed: the answer ended by itself; cancelled: the client left; cut: the stream ended with an error after text had
 * been sent; superseded: a cascade threw the answer away for a better tier's; failed: nothing reached the client;
 * abandoned: the gateway vanished and its reservation ran out.
 */
export const outcomeSchema = z.enum(['completed', 'cancelled', 'cut', 'superseded', 'failed', 'abandoned'])
export type Outcome = z.infer<typeof outcomeSchema>

export const ledgerEntrySchema = z.strictObject({
  /** Reservation and number of the attempt: the same attempt written twice is the same entry. */
  entryId: z.string().min(1),
  requestId: z.string(),
  attempt: z.int().min(1),
  keyId: z.string(),
  orgId: z.string(),
  tier: tierSchema,
  /** Why this tier: the policy's reason word. */
  reason: z.string(),
  checkpoint: z.string().nullable(),
  worker: z.string().nullable(),
  promptTokens: z.int().min(0),
  /** Of the prompt tokens, those read from the prefix cache. */
  cachedTokens: z.int().min(0),
  /** Reasoning included. */
  completionTokens: z.int().min(0),
  /** Whose counts these are: absent = the gateway's, from token ids; `engine` = what an engine that only speaks chat said; `estimate` = counted from its text, as it said nothing. */
  countedBy: z.enum(['engine', 'estimate']).optional(),
  costNanoUsd: z.int().min(0),
  outcome: outcomeSchema,
  /** Decides the price row, the day and the month. */
  admittedAtMs: z.int(),
  /** null for abandoned: nobody was there to see the end. */
  settledAtMs: z.int().nullable()
})
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>
