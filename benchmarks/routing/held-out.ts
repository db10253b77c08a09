/** The same rules on traces that no constant was chosen by: other seeds, shapes, pools and rates, each at one offered load. */
import type { PolicyName } from './policies.js'
import type { WorkerProfile } from './simulated-worker.js'
import { quantile, simulate, type SimulationResult } from './simulation.js'
import { azureShapes, azureTrace, conversationShape, conversationTrace, sharedPrefixTrace, tenantsShape, toolAgentShape } from './synthetic-traces.js'
import { readTrace, type TraceRequest } from './trace.js'

interface HeldOut {
  name: string
  trace: string
  workers: number
  /** The trace's clock runs this much faster. */
  speed: number
}

const heldOut: HeldOut[] = [
  { name: 'azure code, another seed', trace: azureTrace(azureShapes.code, 1002), workers: 8, speed: 6 },
  { name: 'azure conversation, another seed', trace: azureTrace(azureShapes.conversation, 1001), workers: 8, speed: 3.2 },
  { name: 'azure conversation, answers of 600, 4 workers', trace: azureTrace({ ...azureShapes.conversation, answer: { median: 400, mean: 600 } }, 1006), workers: 4, speed: 1 },
  { name: 'mooncake conversation, another seed', trace: conversationTrace(conversationShape, 1003), workers: 8, speed: 0.5 },
  { name: 'mooncake conversation, 16 workers', trace: conversationTrace(conversationShape, 1007), workers: 16, speed: 1 },
  { name: 'conversations of 6 short turns, 4 workers', trace: conversationTrace({ ...conversationShape, first: { median: 2000, mean: 3000 }, added: { median: 600, mean: 1000 }, meanTurns: 6, meanPauseMs: 20_000 }, 1008), workers: 4, speed: 0.8 },
  { name: 'mooncake tools and agents, another seed', trace: sharedPrefixTrace(toolAgentShape, 1004), workers: 8, speed: 0.7 },
  { name: 'tools and agents, 4 workers', trace: sharedPrefixTrace(toolAgentShape, 1009), workers: 4, speed: 0.35 },
  { name: 'prefix-heavy, another seed', trace: sharedPrefixTrace(tenantsShape, 1005), workers: 8, speed: 0.85 },
  { name: 'prefix-heavy, 60 tenants of 12,000, uneven', trace: sharedPrefixTrace({ ...tenantsShape, prefixes: 60, zipf: 1, prefix: { median: 12_000, mean: 12_001 } }, 1010), workers: 8, speed: 0.9 },
  { name: 'prefix-heavy, 400 tenants of 3,000, 16 workers', trace: sharedPrefixTrace({ ...tenantsShape, prefixes: 400, prefix: { median: 3000, mean: 3001 } }, 1011), workers: 16, speed: 2 }
]

/** Lines of Markdown. @param requests of each trace; half of those where no prefix is shared */
export function heldOutTable (requests: number, profile: WorkerProfile): string[] {
  const rows = heldOut.map(({ name, trace: text, workers, speed }) => {
    const trace = readTrace(text, text.startsWith('TIMESTAMP') ? Math.ceil(requests / 2) : requests)
    const [leastLoad, one, other, ours] = rules.map(policy => measuredAt(trace, policy, { workers, speed, profile }))
    const isAhead = [one, other].every(rule => ours !== undefined && rule !== undefined && ours.p90 < rule.p90 && ours.hitRate >= rule.hitRate)
    return `| ${name} | ${[leastLoad, one, other, ours].map(textOf).join(' | ')} | ${isAhead ? 'yes' : 'no'} |`
  })
  return [
    '## Held out',
    '',
    'The constants were chosen by other seeds of the five traces below, and by none of these. Each: p90 first token in seconds, hit rate, at one offered load. Ahead: sooner than both cache-aware rules, and not behind either in hits.',
    '',
    `| trace | ${rules.join(' | ')} | ahead |`,
    '|---|---|---|---|---|---|',
    ...rows,
    ''
  ]
}

const rules: PolicyName[] = ['least load', 'cache-aware 0.3/64/1.5', 'cache-aware 0.5/32/1.1', 'gearbox']

interface Measured extends Pick<SimulationResult, 'hitRate'> {
  p90: number
}

function measuredAt (trace: readonly TraceRequest[], policy: PolicyName, pool: { workers: number, speed: number, profile: WorkerProfile }): Measured {
  const { firstTokenSeconds, hitRate } = simulate({ trace, policy, ...pool })
  return { p90: quantile(firstTokenSeconds, 0.9), hitRate }
}

function textOf (measured: Measured | undefined): string {
  return measured === undefined ? '' : `${measured.p90.toFixed(2)} s, ${(100 * measured.hitRate).toFixed(1)} %`
}
