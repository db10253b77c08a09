import t from 'tap'
import { loadOfVllmMetrics } from '../../../../workers/engines/vllm/vllm-load.js'
import { labelOf, readMetrics, sumOf } from '../../../../workers/engines/remote/read-metrics.js'

const text = `# HELP vllm:num_requests_waiting Number of requests waiting
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a"} 3.0
vllm:num_requests_waiting{engine="1",model_name="a"} 4.0
vllm:num_requests_waiting_by_reason{engine="0",reason="deferred"} 50.0
vllm:kv_cache_usage_perc{engine="0"} 0.5
vllm:kv_cache_usage_perc{engine="1"} 0.25
vllm:cache_config_info{block_size="256",engine="0",num_gpu_blocks="100",note="say \\"hi\\""} 1.0
vllm:prompt_tokens_total{engine="0"} 1.2e+03
vllm:nothing NaN
`

await t.test('names match exactly, ranks add up, what is missing is null', async t => {
  const metrics = readMetrics(text)
  t.equal(sumOf(metrics, 'vllm:num_requests_waiting'), 7)
  t.equal(sumOf(metrics, 'vllm:num_requests'), null)
  t.equal(sumOf(metrics, 'vllm:gone', 'vllm:prompt_tokens_total'), 1200)
  t.equal(sumOf(metrics, 'vllm:nothing'), null)
  t.equal(labelOf(metrics, 'vllm:cache_config_info', 'block_size'), '256')
  t.same(readMetrics('garbage\n{}'), new Map())
})

await t.test('a load report from them', async t => {
  t.same(loadOfVllmMetrics(text), {
    running: null,
    waiting: 7,
    kvCapacityTokens: 51_200,
    kvUsedTokens: 19_200,
    promptTokensTotal: 1200,
    generatedTokensTotal: null,
    incarnation: null
  })
})
