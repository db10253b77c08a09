/** What gateways tell each other about the workers they share. */
import { z } from 'zod'
import { registrationSchema } from '../../workers/contract/registration.js'

const workSchema = z.object({ jobs: z.number(), promptTokens: z.number(), reservedTokens: z.number() })

export const gatewayNoteSchema = z.object({
  /** Work of this gateway by the worker's instance. */
  work: z.record(z.string(), workSchema),
  /** Workers that registered themselves with this gateway. */
  registrations: z.array(registrationSchema)
})
export type GatewayNote = z.infer<typeof gatewayNoteSchema>

export interface PoolStore {
  /** Leaves this gateway's note for a while and reads those of the others. @throws StoreUnavailableError */
  exchange (gatewayId: string, note: GatewayNote): Promise<GatewayNote[]>
  /** Instances that are quarantined, with the reason. @throws StoreUnavailableError */
  quarantined (): Promise<Map<string, string>>
  /** @throws StoreUnavailableError */
  quarantine (instanceId: string, reason: string): Promise<void>
  /** @throws StoreUnavailableError */
  release (instanceId: string): Promise<void>
  close (): void
}
