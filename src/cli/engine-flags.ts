/** Flags of the commands that run a checkpoint without a server. */
import { CheckpointError } from '../../workers/engines/v4/checkpoint/config.js'
import { CliInputError } from './cli-input-error.js'

/** Threads are cheap to ask for and dear to have. */
const MOST_RANKS = 64

/** @throws CliInputError when the flag is absent */
export function requiredFlag (name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new CliInputError(`--${name} is required`)
  return value
}

/** @throws CliInputError when it is not one of the words */
export function wordFlag<Word extends string> (name: string, value: string, words: readonly Word[]): Word {
  const word = words.find(word => word === value)
  if (word === undefined) throw new CliInputError(`--${name} ${value} is not one of ${words.join(', ')}`)
  return word
}

/** @throws CliInputError when it is not a whole number from `least` on */
export function wholeFlag (name: string, value: string, least: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < least) {
    throw new CliInputError(`--${name} must be a whole number from ${least} on, not ${value}`)
  }
  return number
}

/** @throws CliInputError for anything but 1 to 64 */
export function ranksFlag (value: string): number {
  const ranks = wholeFlag('ranks', value, 1)
  if (ranks > MOST_RANKS) throw new CliInputError(`--ranks must be at most ${MOST_RANKS}, not ${ranks}`)
  return ranks
}

/** @throws CliInputError when it is not a number from `least` on */
export function numberFlag (name: string, value: string, least: number): number {
  const number = Number(value)
  if (value.trim() === '' || !Number.isFinite(number) || number < least) {
    throw new CliInputError(`--${name} must be a number from ${least} on, not ${value}`)
  }
  return number
}

/** Runs something that opens a checkpoint; a checkpoint that cannot be run is bad input, named by its directory. */
export async function withCheckpoint<Result> (directory: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    throw new CliInputError(`--checkpoint ${directory}: ${error.message}`, { cause: error })
  }
}
