/**
 * Remembers the ids of short pieces: most of a text is words seen before.
 *
 * Keys are bytes in an arena, not strings: a substring kept as a Map key would keep the whole prompt it was cut from
 * alive. When an arena is full everything is forgotten, which bounds the memory without bookkeeping on look-up.
 */
import type { IdBuffer } from './id-buffer.js'

/** Longer pieces seldom come twice. */
export const longestCachedPieceBytes = 64

const slotCount = 1 << 17
const keyArenaBytes = 1 << 20
const idArenaLength = 1 << 19
/** Texts made to collide must not slow look-up: beyond so many slots a piece counts as new and takes the first one. */
const probeLimit = 8

export class PieceCache {
  /** A slot is [hash, key start, ids start, key length << 16 | ids count]; the last is 0 when free. */
  readonly #slots = new Int32Array(slotCount * 4)
  readonly #keys = new Uint8Array(keyArenaBytes)
  readonly #ids = new Int32Array(idArenaLength)
  #keysEnd = 0
  #idsEnd = 0
  #missedHash = 0
  #missedSlot = 0

  /** Appends the remembered ids of `bytes[start … end)` to `output`; false when there are none. */
  appendKnown (bytes: Uint8Array, start: number, end: number, output: IdBuffer): boolean {
    const slots = this.#slots
    const length = end - start
    let hash = length
    for (let position = start; position < end; position++) hash = Math.imul(hash ^ (bytes[position] ?? 0), 0x01000193)
    hash ^= hash >>> 15
    this.#missedHash = hash
    this.#missedSlot = hash & (slotCount - 1)
    for (let probe = 0; probe < probeLimit; probe++) {
      const slot = (hash + probe) & (slotCount - 1)
      const lengths = slots[slot * 4 + 3] ?? 0
      if (lengths === 0) {
        this.#missedSlot = slot
        return false
      }
      if (slots[slot * 4] === hash && lengths >>> 16 === length && this.#hasKey(slots[slot * 4 + 1] ?? 0, bytes, start, length)) {
        output.append(this.#ids, slots[slot * 4 + 2] ?? 0, lengths & 0xffff)
        return true
      }
    }
    return false
  }

  /** Remembers the ids from `idsStart` on for the piece that appendKnown() has just missed. */
  rememberMissed (bytes: Uint8Array, start: number, end: number, ids: IdBuffer, idsStart: number): void {
    const count = ids.length - idsStart
    if (this.#keysEnd + end - start > keyArenaBytes || this.#idsEnd + count > idArenaLength) {
      this.#slots.fill(0)
      this.#keysEnd = 0
      this.#idsEnd = 0
    }
    const at = this.#missedSlot * 4
    this.#slots[at] = this.#missedHash
    this.#slots[at + 1] = this.#keysEnd
    this.#slots[at + 2] = this.#idsEnd
    this.#slots[at + 3] = (end - start) << 16 | count
    for (let position = start; position < end; position++) this.#keys[this.#keysEnd++] = bytes[position] ?? 0
    for (let position = idsStart; position < ids.length; position++) this.#ids[this.#idsEnd++] = ids.at(position)
  }

  #hasKey (keyStart: number, bytes: Uint8Array, start: number, length: number): boolean {
    for (let position = 0; position < length; position++) {
      if (this.#keys[keyStart + position] !== bytes[start + position]) return false
    }
    return true
  }
}
