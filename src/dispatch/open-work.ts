/** A job in a worker's books, from the moment it is sent. */
import type { LengthClass } from './length-class.js'
import type { WorkerRecord } from './worker-record.js'

export interface PlannedWork {
  /** To be computed: without what the worker has cached. */
  promptTokens: number
  /** Of KV memory, the expected answer included. */
  reservedTokens: number
  /** By what there is to compute. */
  lengthClass: LengthClass
}

export interface OpenWork {
  /** Its first token has come: the worker's time goes to others' prompts now. Counts once. */
  prefilled (): void
  /** Counts once. */
  end (): void
}

/** @param changed called when somebody who waits may have a better chance */
export function openWork (record: WorkerRecord, { promptTokens, reservedTokens, lengthClass }: PlannedWork, changed: () => void): OpenWork {
  const { inFlight, sentSinceLoad, longPrefills } = record
  for (const work of [inFlight, sentSinceLoad]) {
    work.jobs += 1
    work.promptTokens += promptTokens
    work.reservedTokens += reservedTokens
  }
  if (lengthClass !== 'S') longPrefills[lengthClass] += 1
  let state: 'prefill' | 'decode' | 'ended' = 'prefill'
  const prefilled = (): void => {
    if (state !== 'prefill') return
    state = 'decode'
    inFlight.promptTokens -= promptTokens
    if (lengthClass === 'S') return
    longPrefills[lengthClass] -= 1
    changed()
  }
  return {
    prefilled,
    end () {
      if (state === 'ended') return
      prefilled()
      state = 'ended'
      inFlight.jobs -= 1
      inFlight.reservedTokens -= reservedTokens
      changed()
    }
  }
}
