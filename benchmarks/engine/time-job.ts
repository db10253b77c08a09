/** One job on an engine, with the moments its tokens came. */
import type { V4Engine } from '../../workers/engines/v4/v4-engine.js'

export interface JobTiming {
  /** From asking to the first token. */
  firstTokenMs: number
  /** Processor time of the whole process until then, and from then to the end: other work on the machine hardly lengthens it. */
  firstTokenCpuMs: number
  decodeCpuMs: number
  /** Between tokens, from the second on. */
  stepMs: number[]
  cachedTokens: number
  ids: number[]
}

/** @param cacheSalt sequences of different salts share no prefix */
export async function timeJob (engine: V4Engine, tokenIds: readonly number[], maxTokens: number, cacheSalt = ''): Promise<JobTiming> {
  const timing: JobTiming = { firstTokenMs: NaN, firstTokenCpuMs: NaN, decodeCpuMs: NaN, stepMs: [], cachedTokens: 0, ids: [] }
  const began = performance.now()
  const cpuAtStart = process.cpuUsage()
  let last = began
  const events = engine.generate({
    requestId: 'benchmark',
    attempt: 1,
    tier: 'flash',
    checkpoint: engine.describe().checkpoint.name,
    tokenIds: [...tokenIds],
    cacheSalt,
    sampling: { temperature: 0, topP: 1, maxTokens, stopTokenIds: [] }
  }, new AbortController().signal)
  for await (const event of events) {
    if (event.type === 'fail') throw new Error(event.message)
    if (event.type === 'accepted') timing.cachedTokens = event.cachedTokens ?? 0
    if (event.type !== 'tokens') continue
    const now = performance.now()
    if (timing.ids.length === 0) {
      timing.firstTokenMs = now - began
      timing.firstTokenCpuMs = cpuMsSince(cpuAtStart)
    } else timing.stepMs.push(now - last)
    last = now
    timing.ids.push(...event.ids)
  }
  timing.decodeCpuMs = cpuMsSince(cpuAtStart) - timing.firstTokenCpuMs
  return timing
}

/** Of the whole process. */
export function cpuMsSince (start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

/** Ids without a pattern that a cache of prefixes could find twice. */
export function variedTokens (count: number, seed = 0): number[] {
  return Array.from({ length: count }, (_, i) => 3 + (i * 37 + Math.imul(i + seed, 2_654_435_761) % 1009 + 1009) % 200)
}

export function medianOf (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}
