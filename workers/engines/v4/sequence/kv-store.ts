/** The memory of all sequences of one stage: slots, blocks and snapshots, all reserved at the start. */
import { type Floats, type Workspace } from '../model/workspace.js'
import { type CompressorPlace, type KvLayout } from './kv-layout.js'
import { type Sequence } from './sequence.js'

/** How much state a rank can hold; the same on every rank of a group, since they mirror each other. */
export interface KvCapacity {
  readonly slots: number
  readonly blocks: number
  readonly snapshots: number
}

export class KvStore {
  readonly layout: KvLayout
  readonly slots: Floats
  readonly blocks: Floats
  readonly #snapshots: Floats
  readonly #slotsOffset: number
  readonly #blocksOffset: number
  readonly #floatBytes: number
  readonly #blockCount: number

  constructor (workspace: Workspace, layout: KvLayout, capacity: KvCapacity) {
    const slots = workspace.floats(layout.slotFloats * capacity.slots)
    const blocks = workspace.floats(layout.blockFloats * capacity.blocks)
    this.layout = layout
    this.slots = slots.values
    this.blocks = blocks.values
    this.#snapshots = workspace.floats(layout.snapshotFloats * capacity.snapshots).values
    this.#slotsOffset = slots.offset
    this.#blocksOffset = blocks.offset
    this.#floatBytes = workspace.floatBytes
    this.#blockCount = capacity.blocks
  }

  /** Index in `slots` of something at `place` of the sequence's slot. */
  slotIndex (sequence: Sequence, place: number): number {
    return sequence.slot * this.layout.slotFloats + place
  }

  slotByteOffset (index: number): number {
    return this.#slotsOffset + index * this.#floatBytes
  }

  /** Index in `blocks` of compressed entry `entry` of the sequence. Entries of one place are neighbours from block to block: scans stay within few pages. */
  entryIndex (sequence: Sequence, place: CompressorPlace, entry: number): number {
    const block = sequence.blocks[Math.floor(entry / place.entriesPerBlock)] ?? 0
    return place.entries * this.#blockCount + block * place.entriesFloats + entry % place.entriesPerBlock * place.width
  }

  /** Writes an entry where the sequence has it. */
  putEntry (sequence: Sequence, place: CompressorPlace, entry: number, values: Floats): void {
    const { width, isInterleaved } = place
    if (!isInterleaved) return this.blocks.set(values, this.entryIndex(sequence, place, entry))
    const lane = entry % place.entriesPerBlock & 3
    const quad = this.entryIndex(sequence, place, entry - lane)
    for (let c = 0; c < width; c++) this.blocks[quad + (c >> 2) * 16 + lane * 4 + (c & 3)] = values[c] ?? 0
  }

  /** Writes the arena byte offsets of entries [0, count) of the sequence to `target[start...]`. */
  listEntries (sequence: Sequence, place: CompressorPlace, count: number, target: Uint32Array, start: number): void {
    const step = place.width * this.#floatBytes
    for (let entry = 0; entry < count; entry += place.entriesPerBlock) {
      let offset = this.entryByteOffset(sequence, place, entry)
      const end = Math.min(entry + place.entriesPerBlock, count)
      for (let i = entry; i < end; i++) {
        target[start + i] = offset
        offset += step
      }
    }
  }

  /** Writes where each block's run of entries begins, for entries [0, count), to `target`, as arena byte offsets. */
  listRuns (sequence: Sequence, place: CompressorPlace, count: number, target: Uint32Array): void {
    for (let run = 0; run * place.entriesPerBlock < count; run++) target[run] = this.entryByteOffset(sequence, place, run * place.entriesPerBlock)
  }

  entryByteOffset (sequence: Sequence, place: CompressorPlace, entry: number): number {
    return this.#blocksOffset + this.entryIndex(sequence, place, entry) * this.#floatBytes
  }

  /** Keeps what the sequence needs to go on from here besides its blocks. Only at a block boundary. */
  snapshot (sequence: Sequence, snapshot: number): void {
    const { slotFloats, snapshotFloats, blockTokens } = this.layout
    if (sequence.position % blockTokens !== 0) throw new RangeError(`a snapshot at ${sequence.position} tokens, not at a multiple of ${blockTokens}`)
    const start = sequence.slot * slotFloats
    this.#snapshots.set(this.slots.subarray(start, start + snapshotFloats), snapshot * snapshotFloats)
  }

  /** The opposite: the caller sets the sequence's position, and shares or copies the blocks. */
  restore (snapshot: number, sequence: Sequence): void {
    const { slotFloats, snapshotFloats } = this.layout
    const start = snapshot * snapshotFloats
    this.slots.set(this.#snapshots.subarray(start, start + snapshotFloats), sequence.slot * slotFloats)
  }
}
