export interface Measurement {
  loadMs: number
  residentBytes: number
  prefillTokensPerSecond: number
  decodeTokensPerSecond: number
}

export interface Row {
  model: string
  threads: number
  context: number
  weightBytes: number
  ours: Measurement
  theirs: Measurement
}

/** The median of each figure by itself. */
export function median (measurements: readonly Measurement[]): Measurement {
  const of = (pick: (measurement: Measurement) => number): number => {
    const sorted = measurements.map(pick).toSorted((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? NaN
  }
  return {
    loadMs: of(({ loadMs }) => loadMs),
    residentBytes: of(({ residentBytes }) => residentBytes),
    prefillTokensPerSecond: of(({ prefillTokensPerSecond }) => prefillTokensPerSecond),
    decodeTokensPerSecond: of(({ decodeTokensPerSecond }) => decodeTokensPerSecond)
  }
}
