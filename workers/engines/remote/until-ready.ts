import { setTimeout as sleep } from 'node:timers/promises'
import { EngineFault } from './engine-fault.js'

const firstPauseMs = 100
const longestPauseMs = 2000

/**
 * Asks again until the engine answers; a refusal that waiting does not cure ends it at once.
 *
 * @throws Error naming the engine's last words when the budget is over
 */
export async function untilReady<T> (ask: () => Promise<T>, budgetMs: number): Promise<T> {
  const giveUpAt = performance.now() + budgetMs
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return await ask()
    } catch (error) {
      const isPassing = error instanceof EngineFault && passingCodes.has(error.code)
      if (!isPassing) throw error
      if (performance.now() + pauseMs > giveUpAt) throw new Error(`the engine was not ready within ${budgetMs} ms: ${error.message}`, { cause: error })
    }
    await sleep(pauseMs)
  }
}

/** No port yet, a port without an answer, "loading model". */
const passingCodes = new Set(['engine-unreachable', 'engine-silent', 'queue-full', 'engine-error'])
