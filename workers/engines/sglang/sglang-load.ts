import { z } from 'zod'
import type { RemoteLoad } from '../remote/remote-adapter.js'
import { readMetrics, sumOf } from '../remote/read-metrics.js'

const count = z.number().min(0).nullish()

/** `GET /v1/loads`: one entry per data-parallel rank. */
export const sglangLoadsSchema = z.object({
  loads: z.array(z.object({
    num_running_reqs: count,
    num_waiting_reqs: count,
    num_waiting_uncached_tokens: count,
    num_used_tokens: count,
    max_total_num_tokens: count
  }))
})

export function loadOfSglangLoads ({ loads }: z.infer<typeof sglangLoadsSchema>): RemoteLoad {
  const sum = (figure: keyof typeof loads[number]): number | null => {
    const values = loads.map(load => load[figure] ?? null)
    return values.length === 0 || values.includes(null) ? null : values.reduce<number>((total, value) => total + (value ?? 0), 0)
  }
  return knownOnly({
    running: sum('num_running_reqs'),
    waiting: sum('num_waiting_reqs'),
    queuedTokens: sum('num_waiting_uncached_tokens'),
    kvUsedTokens: sum('num_used_tokens'),
    kvCapacityTokens: sum('max_total_num_tokens')
  })
}

/** For images without /v1/loads; the path is there only with --enable-metrics. */
export function loadOfSglangMetrics (text: string): RemoteLoad {
  const metrics = readMetrics(text)
  return knownOnly({
    running: sumOf(metrics, 'sglang:num_running_reqs'),
    waiting: sumOf(metrics, 'sglang:num_queue_reqs'),
    kvUsedTokens: sumOf(metrics, 'sglang:num_used_tokens'),
    promptTokensTotal: sumOf(metrics, 'sglang:prompt_tokens_total'),
    generatedTokensTotal: sumOf(metrics, 'sglang:generation_tokens_total')
  })
}

/** What the engine does not say is left to the worker's own counts. */
function knownOnly (load: RemoteLoad): RemoteLoad {
  return Object.fromEntries(Object.entries(load).filter(([, value]) => value !== null))
}
