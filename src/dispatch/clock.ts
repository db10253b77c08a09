/** Time as dispatch sees it; tests bring a clock of their own instead of waiting. */
export interface Clock {
  /** Monotonic milliseconds. */
  now (): number
  /** @returns a function that cancels the call */
  after (delayMs: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after (delayMs, callback) {
    // Longer delays would overflow Node's timer and fire at once.
    const timer = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1))
    return () => clearTimeout(timer)
  }
}

/** Resolves after the delay; rejects with the signal's reason as soon as it aborts. */
export async function pause (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
