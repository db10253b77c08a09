/** Makes this worker known to a gateway and keeps it known, until it is told to leave. */
import { setTimeout as sleep } from 'node:timers/promises'
import { leaseSchema, type Registration } from '../contract/registration.js'

export interface RegistrationOptions {
  /** Base address of the gateway's operator port. */
  gateway: string
  /** Of that port; null = none is asked for. */
  secret: string | null
  registration: Registration
  /** Told of every failure; it goes on trying. */
  onError: (error: unknown) => void
  retryMs?: number
}

/** Three renewals to a lease, so that one may be lost. */
const renewalsPerLease = 3
const answerMs = 5000

/** Resolves when the signal aborts and the gateway has been told, or could not be. */
export async function keepRegistered ({ gateway, secret, registration, onError, retryMs = 2000 }: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const headers = secret === null ? {} : { authorization: `Bearer ${secret}` }
  const renew = async (): Promise<number> => {
    const response = await fetch(new URL('/admin/api/workers', gateway), { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(registration), signal: AbortSignal.timeout(answerMs) })
    if (!response.ok) throw new Error(`the gateway answered ${response.status}: ${(await response.text()).slice(0, 300)}`)
    return leaseSchema.parse(await response.json()).leaseMs / renewalsPerLease
  }
  while (!signal.aborted) {
    const pauseMs = await renew().catch((error: unknown) => {
      onError(error)
      return retryMs
    })
    await sleep(pauseMs, undefined, { signal }).catch(() => {})
  }
  await fetch(new URL(`/admin/api/workers/${registration.workerId}`, gateway), { method: 'DELETE', headers, signal: AbortSignal.timeout(answerMs) }).catch(onError)
}
