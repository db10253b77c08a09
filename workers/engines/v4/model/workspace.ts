/** Named runs of numbers inside an arena: kernels take the offset, TypeScript the view. */
import { type Arena } from '../kernels/arena.js'
import { type Floats } from '../kernels/reference/floats.js'

/**
 * What activations are held in. `f32` serves; `f64` is the reference that shows how far f32 is off, and keeps values
 * that lie near a rounding boundary of a quantiser on the right side.
 */
export type Arithmetic = 'f32' | 'f64'

export type { Floats }

export interface Region {
  /** Bytes from the start of the arena. */
  readonly offset: number
  readonly values: Floats
}

export interface OffsetList {
  readonly offset: number
  readonly values: Uint32Array
}

export class Workspace {
  readonly arena: Arena
  readonly floatBytes: 4 | 8

  constructor (arena: Arena, arithmetic: Arithmetic) {
    this.arena = arena
    this.floatBytes = arithmetic === 'f32' ? 4 : 8
  }

  /** `count` zeros. */
  floats (count: number): Region {
    const offset = this.arena.allocate(count * this.floatBytes, 64)
    const values = this.floatBytes === 4 ? this.arena.f32(offset, count) : new Float64Array(this.arena.memory.buffer, offset, count)
    return { offset, values }
  }

  offsets (count: number): OffsetList {
    const offset = this.arena.allocate(count * 4, 64)
    return { offset, values: this.arena.u32(offset, count) }
  }
}
