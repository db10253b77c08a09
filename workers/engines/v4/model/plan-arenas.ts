/** Spreads a network over arenas, since a WebAssembly memory ends at 4 GiB. A layer is never divided. */

export interface ArenaCosts {
  /** Bytes of the embedding table. */
  readonly embedding: number
  /** Bytes of each layer: weights and the caches of all sequences. */
  readonly layers: readonly number[]
  /** Bytes that any arena with layers needs besides: scratch memory. */
  readonly stage: number
  /** Bytes of the head with its scratch memory; 0 for a rank without one. */
  readonly head: number
}

export interface ArenaPlan {
  hasEmbedding: boolean
  layers: number[]
  hasHead: boolean
}

/**
 * Fills arenas in the order of computation.
 * @throws RangeError when a single piece is larger than an arena
 */
export function planArenas (costs: ArenaCosts, limitBytes: number): ArenaPlan[] {
  const plans: ArenaPlan[] = []
  let used = Infinity
  /** The last arena if `bytes` still fit there, else a new one. */
  const place = (bytes: number, whenNew: number, what: string): ArenaPlan => {
    let plan = plans.at(-1)
    if (plan === undefined || used + bytes > limitBytes) {
      plan = { hasEmbedding: false, layers: [], hasHead: false }
      plans.push(plan)
      used = 0
      bytes = whenNew
    }
    used += bytes
    if (used > limitBytes) throw new RangeError(`${what} needs ${used} bytes, an arena holds ${limitBytes}: use more ranks, or fewer sequences or less cache`)
    return plan
  }
  place(costs.embedding, costs.embedding, 'the embedding').hasEmbedding = true
  for (const [layer, bytes] of costs.layers.entries()) {
    const isFirstOfArena = plans.at(-1)?.layers.length === 0
    place(bytes + (isFirstOfArena ? costs.stage : 0), bytes + costs.stage, `layer ${layer}`).layers.push(layer)
  }
  if (costs.head > 0) place(costs.head, costs.head, 'the head').hasHead = true
  return plans
}
