/** Stacks of an automaton: equal stacks are one object, so that equal situations are found again. */
import type { Automaton } from './automaton.js'

export interface Frame {
  readonly id: number
  /** What lies below; null at the bottom, where the whole grammar ends. */
  readonly below: Frame | null
  /** Where it goes on when what was pushed has ended. */
  readonly after: number
  /** The loop it counts; -1 = a call. */
  readonly loop: number
  /** How often the loop's body has ended. */
  readonly count: number
  readonly above: Map<number, Frame>
}

export type NewFrame = Pick<Frame, 'after' | 'loop' | 'count'>

/** More than any repetition a constraint may ask for. */
const COUNT_LIMIT = 16_384

export class Frames {
  readonly #automaton: Automaton
  #lastId = 0

  constructor (automaton: Automaton) {
    this.#automaton = automaton
  }

  /** @param below null = a new bottom */
  push (below: Frame | null, { after, loop, count }: NewFrame): Frame {
    const key = ((loop + 1) * this.#automaton.stateCount + after) * COUNT_LIMIT + count
    const known = below?.above.get(key)
    if (known !== undefined) return known
    const frame = { id: this.#lastId++, below, after, loop, count, above: new Map<number, Frame>() }
    below?.above.set(key, frame)
    return frame
  }

  /** How often the body has ended now; an endless loop stops counting when it may be left. */
  countAfter ({ loop, count }: Frame): number {
    const { loopLeast, loopMost } = this.#automaton
    return loopMost[loop] === -1 ? Math.min(count + 1, loopLeast[loop] ?? 0) : count + 1
  }

  mayLeave ({ loop }: Frame, count: number): boolean { return count >= (this.#automaton.loopLeast[loop] ?? 0) }

  mayRepeat ({ loop }: Frame, count: number): boolean {
    const most = this.#automaton.loopMost[loop] ?? 0
    return most === -1 || count < most
  }

  /**
   * The same stack for whoever looks no more than `steps` symbols ahead: a loop that is far from both of its bounds
   * is as good as a new one.
   */
  near (frame: Frame, steps: number): Frame {
    if (frame.below === null) return frame
    const below = this.near(frame.below, steps)
    const count = frame.loop < 0 ? 0 : this.#nearCount(frame, steps)
    return below === frame.below && count === frame.count ? frame : this.push(below, { after: frame.after, loop: frame.loop, count })
  }

  #nearCount ({ loop, count }: Frame, steps: number): number {
    const least = this.#automaton.loopLeast[loop] ?? 0
    const most = this.#automaton.loopMost[loop] ?? 0
    const left = most === -1 ? Infinity : most - count - 1
    if (count + 1 >= least) return left > steps ? Math.min(count, least - 1) : count
    return least - count - 1 > steps ? 0 : count
  }
}
