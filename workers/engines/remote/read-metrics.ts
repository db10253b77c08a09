/**
 * Prometheus text, as far as a load report needs it. Names are matched exactly: `num_requests_waiting` must not pick up
 * `num_requests_waiting_by_reason`, and a figure that is not there is null, never 0.
 */

export type Metrics = ReadonlyMap<string, readonly MetricSample[]>

export interface MetricSample {
  labels: Readonly<Record<string, string>>
  value: number
}

const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/
const labelPair = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

export function readMetrics (text: string): Metrics {
  const metrics = new Map<string, MetricSample[]>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, labelText = '', valueText] = sampleLine.exec(line) ?? []
    if (name === undefined || valueText === undefined) continue
    const value = Number(valueText)
    if (!Number.isFinite(value)) continue
    const labels = Object.fromEntries(Array.from(labelText.matchAll(labelPair), ([, label = '', text = '']) => [label, text]))
    metrics.set(name, [...metrics.get(name) ?? [], { labels, value }])
  }
  return metrics
}

/** Sum over all samples of the first name that is there (engines rename; data-parallel ranks report one sample each). */
export function sumOf (metrics: Metrics, ...names: string[]): number | null {
  const samples = samplesOf(metrics, names)
  return samples === null ? null : samples.reduce((sum, { value }) => sum + value, 0)
}

/** A label's value, from the first sample of an info metric. */
export function labelOf (metrics: Metrics, name: string, label: string): string | null {
  return metrics.get(name)?.[0]?.labels[label] ?? null
}

export function samplesOf (metrics: Metrics, names: readonly string[]): readonly MetricSample[] | null {
  for (const name of names) {
    const samples = metrics.get(name)
    if (samples !== undefined) return samples
  }
  return null
}
