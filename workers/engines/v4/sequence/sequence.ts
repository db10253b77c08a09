/** One sequence as a rank sees it: which slot and blocks hold its state, and how far it is. */
export class Sequence {
  readonly slot: number
  /** Ids of its blocks, in order; entries beyond those reserved are meaningless. May be shared memory. */
  readonly blocks: Int32Array
  /** Tokens computed so far; 0 means that nothing in slot or blocks is looked at. */
  position: number

  constructor (slot: number, blocks: Int32Array, position = 0) {
    this.slot = slot
    this.blocks = blocks
    this.position = position
  }
}
