import t from 'tap'
import { anthropicRateHeaders, formatDuration, openAiRateHeaders } from '../../src/accounts/rate-limit-headers.js'

const rates = {
  requests: { limit: 60, remaining: 59, resetMs: 1000 },
  inputTokens: { limit: 10_000, remaining: 9000, resetMs: 6000 },
  outputTokens: { limit: 1000, remaining: 100, resetMs: 54_000 }
}

await t.test('names only limits that exist', async t => {
  t.same(openAiRateHeaders({ requests: null, inputTokens: null, outputTokens: null }), {})
  t.same(openAiRateHeaders({ ...rates, inputTokens: null, outputTokens: null }), {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '59',
    'x-ratelimit-reset-requests': '1s'
  })
})

await t.test('tokens is the scarcer of input and output', async t => {
  t.match(openAiRateHeaders(rates), {
    'x-ratelimit-remaining-tokens': '100',
    'x-ratelimit-reset-tokens': '54s',
    'x-ratelimit-remaining-input-tokens': '9000'
  })
  t.match(openAiRateHeaders({ ...rates, outputTokens: null }), { 'x-ratelimit-remaining-tokens': '9000' })
})

await t.test('Anthropic names, with instants', async t => {
  t.match(anthropicRateHeaders(rates, Date.parse('2026-11-24T00:00:00Z')), {
    'anthropic-ratelimit-requests-limit': '60',
    'anthropic-ratelimit-requests-reset': '2026-11-24T00:00:01.000Z',
    'anthropic-ratelimit-output-tokens-remaining': '100'
  })
})

await t.test('durations', async t => {
  for (const [ms, text] of [[-3, '0ms'], [12, '12ms'], [999.2, '1000ms'], [1000, '1s'], [59_001, '1m0s'], [90_000, '1m30s'], [3_661_000, '61m1s']] as const) {
    t.equal(formatDuration(ms), text)
  }
})
