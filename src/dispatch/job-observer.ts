/** What a dispatcher tells of one job while it runs, to whoever watches: counters, traces. Nothing depends on the answer. */
import type { ChoiceReason } from './choose-worker.js'
import type { PlaceInLine } from './waiting-line.js'
import type { FaultKind } from './worker-fault.js'

export interface AssignmentNote {
  workerId: string
  reason: ChoiceReason
  /** Milliseconds in line for this attempt. */
  waitedMs: number
  /** Prompt tokens whose state the worker was believed to hold. */
  expectedCachedTokens: number
}

export interface AttemptNote {
  /** 1 for the first try. */
  attempt: number
  workerId: string
  instanceId: string | null
  /** Goes on where an earlier attempt broke, instead of beginning again. */
  isResume: boolean
}

export interface FaultNote {
  kind: FaultKind
  code: string
  message: string
}

export interface JobObserver {
  /** It stands in line; told again whenever it moves. */
  waiting? (place: PlaceInLine): void
  assigned (note: AssignmentNote): void
  /** @returns headers for the worker, such as the trace's context */
  attemptBegan (note: AttemptNote): Readonly<Record<string, string>>
  /** `text`: an engine that only speaks chat sent no ids, and the count is taken from the length of what it sent. */
  tokens (count: number, from: 'ids' | 'text'): void
  /** null: it ended well, or nobody wanted its end. */
  attemptEnded (fault: FaultNote | null): void
}

export const silentObserver: JobObserver = {
  assigned: () => {},
  attemptBegan: () => ({}),
  tokens: () => {},
  attemptEnded: () => {}
}

export function observedBoth (one: JobObserver, other: JobObserver): JobObserver {
  return {
    waiting: place => {
      one.waiting?.(place)
      other.waiting?.(place)
    },
    assigned: note => {
      one.assigned(note)
      other.assigned(note)
    },
    attemptBegan: note => ({ ...one.attemptBegan(note), ...other.attemptBegan(note) }),
    tokens: (count, from) => {
      one.tokens(count, from)
      other.tokens(count, from)
    },
    attemptEnded: fault => {
      one.attemptEnded(fault)
      other.attemptEnded(fault)
    }
  }
}
