import type { RemoteLoad } from '../remote/remote-adapter.js'
import { labelOf, readMetrics, samplesOf, sumOf } from '../remote/read-metrics.js'

/** vLLM's /metrics, 0.24 to 0.33. Each data-parallel rank reports for itself; a worker is all of them. */
export function loadOfVllmMetrics (text: string): RemoteLoad {
  const metrics = readMetrics(text)
  const usage = samplesOf(metrics, ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'])
  const blocks = wholeLabel(labelOf(metrics, 'vllm:cache_config_info', 'num_gpu_blocks'))
  const blockTokens = wholeLabel(labelOf(metrics, 'vllm:cache_config_info', 'block_size'))
  // Since 0.32 it says the tokens itself; V4's caches of several kinds make blocks a poor guess before.
  const stated = wholeLabel(labelOf(metrics, 'vllm:cache_config_info', 'kv_cache_size_tokens'))
  const perRank = stated ?? tokensOf(blocks, blockTokens)
  return {
    running: sumOf(metrics, 'vllm:num_requests_running'),
    waiting: sumOf(metrics, 'vllm:num_requests_waiting'),
    kvCapacityTokens: perRank === null || usage === null ? null : perRank * usage.length,
    kvUsedTokens: perRank === null || usage === null ? null : Math.round(usage.reduce((sum, { value }) => sum + value * perRank, 0)),
    promptTokensTotal: sumOf(metrics, 'vllm:prompt_tokens_total'),
    generatedTokensTotal: sumOf(metrics, 'vllm:generation_tokens_total'),
    incarnation: sumOf(metrics, 'process_start_time_seconds')?.toString() ?? null
  }
}

function tokensOf (blocks: number | null, blockTokens: number | null): number | null {
  return blocks === null || blockTokens === null ? null : blocks * blockTokens
}

function wholeLabel (text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null
}
