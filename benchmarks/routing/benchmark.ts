/**
 * Four rules for the same pool and the same requests, in virtual time and in one run. Writes results.md and results.svg beside this
 * file's source.
 *
 *   npm run build && node dist/benchmarks/routing/benchmark.js [--requests 2000] [--trace FILE.csv|FILE.jsonl]
 *
 * Sustained: the fastest replay of a trace at which nine of ten first tokens come within ten seconds.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drawSustained, type DrawnTrace } from './draw-sustained.js'
import { policies, type PolicyName } from './policies.js'
import type { WorkerProfile } from './simulated-worker.js'
import { quantile, simulate, type SimulationResult } from './simulation.js'
import { heldOutTable } from './held-out.js'
import { azureShapes, azureTrace, conversationShape, conversationTrace, sharedPrefixTrace, tenantsShape, toolAgentShape } from './synthetic-traces.js'
import { readTrace, type TraceRequest } from './trace.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const { values } = parseArgs({ options: { requests: { type: 'string', default: '1200' }, trace: { type: 'string' } } })
const requests = Number(values.requests)
const workers = 8

/** V4 Pro on eight H200: prefill as measured at length, steps and batches as published for Pro; memory between the two published sizes. */
const profile: WorkerProfile = { name: 'Pro on 8 x H200', prefillTokensPerSecond: 4900, stepMs: 4.3, stepMsPerJob: 0.38, chunkTokens: 4096, maxRunning: 64, kvTokens: 300_000, blockTokens: 256 }
const limitSeconds = 10
const steps = 5

interface Trace {
  name: string
  published: string
  requests: TraceRequest[]
}

const traces: Trace[] = values.trace === undefined
  ? [
      { name: 'azure code (synthetic)', published: '2,048 in, 28 out; prefixes unknown', requests: readTrace(azureTrace(azureShapes.code, 2), Math.ceil(requests / 2)) },
      { name: 'azure conversation (synthetic)', published: '1,155 in, 211 out; prefixes unknown', requests: readTrace(azureTrace(azureShapes.conversation, 1), Math.ceil(requests / 2)) },
      { name: 'mooncake conversation (synthetic)', published: '12,035 in, 343 out, 40 % cacheable', requests: readTrace(conversationTrace(conversationShape, 3), requests) },
      { name: 'mooncake tools and agents (synthetic)', published: '8,596 in, 182 out, 59 % cacheable', requests: readTrace(sharedPrefixTrace(toolAgentShape, 4), requests) },
      { name: 'prefix-heavy: 150 tenants (synthetic)', published: '7,200 in, contexts of 6,000 shared', requests: readTrace(sharedPrefixTrace(tenantsShape, 5), requests) }
    ]
  : [{ name: basename(values.trace), published: 'as in the file', requests: readTrace(readFileSync(values.trace, 'utf8'), requests) }]

const policyNames = Object.keys(policies).filter((name): name is PolicyName => name in policies)

interface Row {
  policy: PolicyName
  /** At a load that all of them are asked to carry. */
  common: SimulationResult
  sustained: { speed: number, result: SimulationResult }
}

function run (trace: Trace, policy: PolicyName, speed: number): SimulationResult {
  return simulate({ trace: trace.requests, policy, workers, profile, speed })
}

function sustained (trace: Trace, policy: PolicyName): Row['sustained'] {
  const isCarried = (result: SimulationResult): boolean => quantile(result.firstTokenSeconds, 0.9) <= limitSeconds
  // The whole capacity, as if every prompt token had to be computed, says where to look.
  const prompts = trace.requests.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
  const seconds = (trace.requests.at(-1)?.at ?? 1000) / 1000
  const uncachedSpeed = workers * profile.prefillTokensPerSecond / (prompts / seconds)
  let [low, high] = [uncachedSpeed / 3, uncachedSpeed * 5]
  let best = { speed: low, result: run(trace, policy, low) }
  for (let step = 0; step < steps; step++) {
    const speed = Math.sqrt(low * high)
    const result = run(trace, policy, speed)
    if (isCarried(result)) [low, best] = [speed, { speed, result }]
    else high = speed
  }
  return best
}

function measure (trace: Trace): Row[] {
  const carried = policyNames.map(policy => ({ policy, sustained: sustained(trace, policy) }))
  // Nine tenths of what the better of the cache-aware rules carries: a load that matters.
  const common = 0.9 * Math.max(...carried.filter(({ policy }) => policy.startsWith('cache-aware')).map(each => each.sustained.speed))
  process.stderr.write(`${trace.name}: compared at ${common.toFixed(2)} times its speed\n`)
  return carried.map(each => ({ ...each, common: run(trace, each.policy, common) }))
}

const measured = traces.map(trace => ({ trace, rows: measure(trace) }))
const heldOut = values.trace === undefined ? heldOutTable(requests, profile) : []

function cacheable (trace: TraceRequest[]): number {
  const seen = new Set<number>()
  let tokens = 0
  for (const { chain: { hashes }, promptTokens } of trace) {
    let known = 0
    while (known < hashes.length && seen.has(hashes[known] ?? 0)) known++
    tokens += Math.min(promptTokens - 1, known * 128)
    for (const hash of hashes) seen.add(hash)
  }
  return tokens / total(trace, ({ promptTokens }) => promptTokens)
}

function total<T> (items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0)
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const thousands = (tokens: number): string => `${(tokens / 1000).toFixed(1)}K`

function tableOf ({ trace, rows }: typeof measured[number]): string {
  const base = rows.find(({ policy }) => policy === 'round robin')?.sustained.result.tokensPerSecond ?? 1
  const count = trace.requests.length
  return [
    `## ${trace.name}`,
    '',
    `${count} requests, on average ${Math.round(total(trace.requests, each => each.promptTokens) / count)} tokens in and ${Math.round(total(trace.requests, each => each.answerTokens) / count)} out, ${percent(cacheable(trace.requests))} cacheable at best. Published: ${trace.published}.`,
    '',
    '| rule | first token p50 / p90, s | hit rate | busiest / mean worker | sustained tokens/s | x round robin |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ policy, common, sustained: { result } }) => `| ${policy} | ${quantile(common.firstTokenSeconds, 0.5).toFixed(2)} / ${quantile(common.firstTokenSeconds, 0.9).toFixed(2)} | ${percent(common.hitRate)} | ${common.imbalance.toFixed(2)} | ${thousands(result.tokensPerSecond)} | ${(result.tokensPerSecond / base).toFixed(2)} |`),
    ''
  ].join('\n')
}

function verdicts (): string[] {
  return measured.map(({ trace, rows }) => {
    const of = (start: string): Row[] => rows.filter(({ policy }) => policy.startsWith(start))
    const [ours] = of('gearbox')
    const rate = (row: Row | undefined): number => row?.sustained.result.tokensPerSecond ?? 0
    const p90 = (row: Row | undefined): number => quantile(row?.common.firstTokenSeconds ?? [], 0.9)
    const others = of('cache-aware')
    const isQuicker = others.every(other => p90(ours) < p90(other))
    const hitsMore = others.every(other => (ours?.common.hitRate ?? 0) > other.common.hitRate)
    return `| ${trace.name} | ${(rate(ours) / rate(of('round robin')[0])).toFixed(2)} | ${(rate(ours) / rate(of('least load')[0])).toFixed(2)} | ${isQuicker ? 'yes' : 'no'} | ${hitsMore ? 'yes' : 'no'} |`
  })
}

const drawn: DrawnTrace[] = measured.map(({ trace, rows }) => ({ name: trace.name, bars: rows.map(({ policy, sustained: { result } }) => ({ name: policy, tokensPerSecond: result.tokensPerSecond })) }))

writeFileSync(join(root, 'benchmarks/routing/results.md'), [
  '# Who gets the next request',
  '',
  `${new Date().toISOString().slice(0, 10)}. ${workers} simulated workers (${profile.name}: ${profile.prefillTokensPerSecond} prompt tokens/s, steps of ${profile.stepMs} + ${profile.stepMsPerJob} ms a job, ${profile.kvTokens.toLocaleString('en')} tokens of KV memory), virtual time, one run. ` +
  'Ours is the gateway\'s own router; the cache-aware rule was written from its published description, with both published sets of thresholds (match share, absolute and relative imbalance). ' +
  (values.trace === undefined ? 'The traces are made up: they have the published formats and are aimed at the published means, since the real files could not be had; `--trace` takes a real one.' : ''),
  '',
  `Sustained is the fastest replay at which nine of ten first tokens come within ${limitSeconds} s. First token and hit rate are at nine tenths of what the better cache-aware rule sustains.`,
  '',
  '![sustained tokens per second](results.svg)',
  '',
  '| trace | sustained, ours / round robin | ours / least load | p90 first token ahead of cache-aware | hit rate ahead of it |',
  '|---|---|---|---|---|',
  ...verdicts(),
  '',
  ...heldOut,
  ...measured.map(tableOf)
].join('\n'))
writeFileSync(join(root, 'benchmarks/routing/results.svg'), drawSustained(drawn))
