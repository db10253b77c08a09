/** One request's trace, as the rest of the gateway sees it; what makes spans of it is loaded only when traces are on. */
import type { StepDetails } from './decision-log.js'

export type TraceAttributes = Readonly<Record<string, string | number | boolean | string[]>>

export interface SpanTimes {
  /** Milliseconds since 1970, with fractions. */
  start: number
  end: number
}

export interface AttemptTrace {
  /** W3C trace context for the worker. */
  headers: Readonly<Record<string, string>>
  end (attributes: TraceAttributes, errorType: string | null): void
}

export interface RequestTrace {
  readonly traceId: string
  rename (name: string): void
  set (attributes: TraceAttributes): void
  step (name: string, times: SpanTimes, attributes: TraceAttributes): void
  attempt (attributes: TraceAttributes): AttemptTrace
  end (errorType: string | null): void
}

export interface Tracer {
  /** @param headers the request's; `traceparent` and `tracestate` are read */
  begin (headers: Readonly<Record<string, string | string[] | undefined>>, start: number): RequestTrace
  /** Sends what has not been sent yet. */
  close (): Promise<void>
}

export function attributesOf (details: StepDetails): TraceAttributes {
  return Object.fromEntries(Object.entries(details).flatMap(([name, value]) => value === null ? [] : [[`gearbox.${name}`, value]]))
}
