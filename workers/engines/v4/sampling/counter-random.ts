/**
 * Random numbers without a state: one uniform number for a (seed, position) pair.
 *
 * A generator with a state would make a job's text depend on how often its batch was stepped, and a resumed stream
 * could not continue with the numbers the first attempt would have drawn.
 */

/** The 32-bit finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix32 (value: number): number {
  let mixed = value >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/**
 * A number in [0, 1) with 53 random bits.
 *
 * @param seed any safe integer
 * @param position absolute position of the token to be drawn (tokens before it)
 */
export function uniformAt (seed: number, position: number): number {
  const seedLow = seed >>> 0
  const seedHigh = Math.floor(seed / 0x100000000) >>> 0
  let state = mix32(seedLow ^ 0x9e3779b9)
  state = mix32(state ^ mix32(seedHigh + 0x7f4a7c15))
  state = mix32(state ^ mix32(position + 0x6a09e667))
  const high = mix32(state + 0xbb67ae85)
  const low = mix32(state ^ 0x3c6ef372)
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000
}
