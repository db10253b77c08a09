import { randomInt } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `call_00_` and 24 letters or digits, the form DeepSeek's API hands out; unguessable, since a call can be replayed by its id. */
export function createCallId (index: number): string {
  const random = Array.from({ length: 24 }, () => alphabet[randomInt(alphabet.length)]).join('')
  return `call_${String(index).padStart(2, '0')}_${random}`
}
