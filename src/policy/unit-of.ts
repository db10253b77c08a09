import { createHash } from 'node:crypto'

/**
 * A number in [0, 1) that a request id has for a purpose: evenly spread over ids, the same each time it is asked, and
 * independent between purposes.
 */
export function unitOf (requestId: string, purpose: string): number {
  return createHash('sha256').update(`${purpose}\n${requestId}`).digest().readUIntBE(0, 6) / 2 ** 48
}
