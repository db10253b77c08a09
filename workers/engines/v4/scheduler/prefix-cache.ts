/**
 * Which blocks of tokens were computed before, so that a conversation's next turn starts where the last one ended.
 *
 * A tree: a node is one full block of tokens after its parent's, with the cache block that holds its compressed entries and
 * the snapshot of the sequence's fixed state at its end. Tokens are compared, not only their hashes. Prefixes of
 * different salts never meet. What no running job stands on is given up, the longest unused first, leaves before their
 * parents. Bookkeeping only: who computes copies the state.
 */
import { IdPool } from './id-pool.js'

export interface PrefixNode {
  readonly parent: PrefixNode | null
  /** Tokens from the start of the sequence to the end of this block. */
  readonly endPosition: number
  readonly block: number
  readonly snapshot: number
  readonly children: Map<string, PrefixNode>
  readonly siblings: Map<string, PrefixNode>
  /** The block's tokens. */
  readonly key: string
  /** Running jobs whose prefix ends here or further on. */
  users: number
  lastUse: number
}

export class PrefixCache {
  readonly #blockTokens: number
  readonly #snapshots: IdPool
  readonly #roots = new Map<string, Map<string, PrefixNode>>()
  readonly #nodes = new Set<PrefixNode>()
  #busyCount = 0
  #clock = 0

  /** @param snapshots how many nodes there can be; 0 = nothing is kept */
  constructor (blockTokens: number, snapshots: number) {
    this.#blockTokens = blockTokens
    this.#snapshots = new IdPool(snapshots)
  }

  get isEnabled (): boolean { return this.#snapshots.size > 0 }

  /** Blocks that could be given back at once: nothing running stands on them. Asked after every step, so it is counted, not looked for. */
  get idleBlocks (): number { return this.#nodes.size - this.#busyCount }

  /** The deepest node that is a true prefix of the prompt: at least one token is left to compute, for its logits. */
  find (salt: string, tokenIds: readonly number[]): PrefixNode | null {
    let found: PrefixNode | null = null
    let level = this.#roots.get(salt)
    for (let end = this.#blockTokens; end < tokenIds.length && level !== undefined; end += this.#blockTokens) {
      const node = level.get(keyOf(tokenIds, end - this.#blockTokens, end))
      if (node === undefined) break
      found = node
      level = node.children
    }
    return found
  }

  /** Blocks of the path to a node, in order of position. */
  blocksTo (node: PrefixNode | null): number[] {
    const blocks: number[] = []
    for (let at = node; at !== null; at = at.parent) blocks.push(at.block)
    return blocks.reverse()
  }

  use (node: PrefixNode): void {
    node.lastUse = ++this.#clock
    for (let at: PrefixNode | null = node; at !== null; at = at.parent) {
      if (at.users++ === 0) this.#busyCount++
    }
  }

  leave (node: PrefixNode): void {
    node.lastUse = ++this.#clock
    for (let at: PrefixNode | null = node; at !== null; at = at.parent) {
      if (--at.users === 0) this.#busyCount--
    }
  }

  /**
   * Adds a block that was just computed. The caller copies the sequence's state to the node's snapshot, and no longer owns the block,
   * when `isNew`; otherwise an equal one was there already.
   * @returns null when there is no room, and `freed` for what was given up to make some
   */
  add (parent: PrefixNode | null, salt: string, tokenIds: readonly number[], block: number): { node: PrefixNode, isNew: boolean, freed: number[] } | null {
    const siblings = parent?.children ?? this.#rootOf(salt)
    const key = keyOf(tokenIds, 0, tokenIds.length)
    const known = siblings.get(key)
    if (known !== undefined) return { node: known, isNew: false, freed: [] }
    const freed = this.#snapshots.freeCount > 0 ? [] : this.evict(1)
    if (this.#snapshots.freeCount === 0) return null
    const node: PrefixNode = {
      parent,
      endPosition: (parent?.endPosition ?? 0) + this.#blockTokens,
      block,
      snapshot: this.#snapshots.take(),
      children: new Map(),
      siblings,
      key,
      users: 0,
      lastUse: ++this.#clock
    }
    siblings.set(key, node)
    this.#nodes.add(node)
    return { node, isNew: true, freed }
  }

  /** Gives up to `count` blocks back. @returns their ids */
  evict (count: number): number[] {
    const freed: number[] = []
    while (freed.length < count) {
      let oldest: PrefixNode | null = null
      for (const node of this.#nodes) {
        if (node.users === 0 && node.children.size === 0 && (oldest === null || node.lastUse < oldest.lastUse)) oldest = node
      }
      if (oldest === null) break
      oldest.siblings.delete(oldest.key)
      this.#nodes.delete(oldest)
      this.#snapshots.giveBack([oldest.snapshot])
      freed.push(oldest.block)
    }
    return freed
  }

  #rootOf (salt: string): Map<string, PrefixNode> {
    const known = this.#roots.get(salt)
    if (known !== undefined) return known
    const root = new Map<string, PrefixNode>()
    this.#roots.set(salt, root)
    // A salt whose last block went leaves an empty level behind; they go when there are many.
    if (this.#roots.size > 1024) for (const [name, level] of this.#roots) if (level.size === 0 && level !== root) this.#roots.delete(name)
    return root
  }
}

/** The tokens themselves, so that equal keys are equal blocks. */
function keyOf (tokenIds: readonly number[], start: number, end: number): string {
  return tokenIds.slice(start, end).join()
}
