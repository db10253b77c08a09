export interface Measurement {
  loadMs: number
  residentBytes: number
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
  /**
   * By the processor time of the whole process, which other work on the machine does not lengthen as it does the wall's. Means
   * nothing with more than one thread, since they wait for each other by spinning. Absent in old rows.
   */
  prefillTokensPerCpuSecond?: number
  decodeTokensPerCpuSecond?: number
}

/** Ours divided by theirs: by processor time where one thread was measured so, else by the wall. */
export function ratioOf ({ threads, ours, theirs }: Row, phase: 'decode' | 'prefill'): number {
  const [mine, other] = [ours[`${phase}TokensPerCpuSecond`], theirs[`${phase}TokensPerCpuSecond`]]
  if (threads === 1 && mine !== undefined && other !== undefined) return mine / other
  return ours[`${phase}TokensPerSecond`] / theirs[`${phase}TokensPerSecond`]
}

export interface Row {
  model: string
  threads: number
  context: number
  weightBytes: number
  ours: Measurement
  theirs: Measurement
  /** When, where and under what load. */
  conditions: string
}

/** The median of each figure by itself. */
export function median (measurements: readonly Measurement[]): Measurement {
  const of = (pick: (measurement: Measurement) => number | undefined): number => {
    const sorted = measurements.map(measurement => pick(measurement) ?? NaN).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? NaN
  }
  return {
    loadMs: of(({ loadMs }) => loadMs),
    residentBytes: of(({ residentBytes }) => residentBytes),
    prefillTokensPerSecond: of(({ prefillTokensPerSecond }) => prefillTokensPerSecond),
    decodeTokensPerSecond: of(({ decodeTokensPerSecond }) => decodeTokensPerSecond),
    prefillTokensPerCpuSecond: of(({ prefillTokensPerCpuSecond }) => prefillTokensPerCpuSecond),
    decodeTokensPerCpuSecond: of(({ decodeTokensPerCpuSecond }) => decodeTokensPerCpuSecond)
  }
}
