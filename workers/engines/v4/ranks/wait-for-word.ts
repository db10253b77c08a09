/** Waiting for another thread's word: a short spin, because the others are nearly done as a rule, then sleep. */
import { availableParallelism } from 'node:os'
import { controlWords } from './group-memory.js'

/** The group cannot go on: a rank stopped, or did not arrive in time. */
export class RankGroupError extends Error {
  override readonly name = 'RankGroupError'
}

/** Loads before sleeping; some tens of microseconds, which sleeping and waking cost as well. */
const SPINS = 40_000

/** Spinning helps only while every rank has a processor of its own. */
export function spinsFor (rankCount: number): number {
  return rankCount <= availableParallelism() ? SPINS : 0
}

export interface WordWait {
  /** `control` of the group. */
  readonly words: Int32Array
  readonly index: number
  /** Reached when word - target, as a wrapping 32-bit difference, is not negative. */
  readonly target: number
  readonly spins: number
  /** Infinity waits for ever. */
  readonly deadlineMs: number
  /** For the error message. */
  readonly what: string
}

/** @throws RankGroupError when the group is stopped or the deadline passes */
export function waitForWord ({ words, index, target, spins, deadlineMs, what }: WordWait): void {
  for (let spin = 0; spin < spins; spin++) if (((Atomics.load(words, index) - target) | 0) >= 0) return
  const began = performance.now()
  for (;;) {
    const seen = Atomics.load(words, index)
    if (((seen - target) | 0) >= 0) return
    if (Atomics.load(words, controlWords.stopped) !== 0) throw new RankGroupError(`the group was stopped while ${what}`)
    const leftMs = deadlineMs - (performance.now() - began)
    if (leftMs <= 0) throw new RankGroupError(`no answer in ${deadlineMs} ms while ${what}`)
    Atomics.wait(words, index, seen, leftMs)
  }
}

export function setWord (words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value)
  Atomics.notify(words, index)
}

/** Wakes every rank that waits; they throw. */
export function stopGroup (control: SharedArrayBuffer): void {
  const words = new Int32Array(control)
  Atomics.store(words, controlWords.stopped, 1)
  for (let index = 0; index < words.length; index++) Atomics.notify(words, index)
}
