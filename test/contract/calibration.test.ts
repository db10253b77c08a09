/** From traffic of a whole gateway with our own engine to a threshold, and from that to the share of requests that are repeated: as foretold. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { pino } from 'pino'
import t from 'tap'
import { runCalibrate } from '../../src/cli/calibrate.js'
import { configSchema, type GatewayConfig } from '../../src/config/schema.js'
import { answerSampleSchema, type AnswerSample } from '../../src/policy/answer-sample.js'
import type { TierComparison } from '../../src/policy/compare-tiers.js'
import { startGateway } from '../../src/server.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { runCommand } from '../cli/run-command.js'

const directory = await mkdtemp(join(tmpdir(), 'gearbox-calibration-'))
t.teardown(async () => { await rm(directory, { recursive: true }) })
for (const [tier, seed] of [['flash', 1], ['pro', 2]] as const) await writeRandomCheckpoint(join(directory, tier), { tier, seed })
const samplesPath = join(directory, 'samples', 'answers.jsonl')

const asks = 90
const marker = 'marmalade'

function configOf (cascade: object): GatewayConfig {
  return configSchema.parse({
    server: { port: 0 },
    admin: { port: 0 },
    batches: { directory: null },
    tiers: { flash: { checkpoint: join(directory, 'flash') }, pro: { checkpoint: join(directory, 'pro') } },
    policy: { cascade: { isAllowed: true, ...cascade } },
    calibration: { path: samplesPath }
  })
}

const isEmpty = (id: string): boolean => Number(id) % 10 === 0

/** Greedy, so that a prompt asked again has the same answer. Every tenth ends before its first word. */
async function ask (sdk: OpenAI, id: string): Promise<string | null> {
  const { response } = await sdk.chat.completions.create({
    model: 'auto',
    messages: [{ role: 'user', content: `${marker} ${id}` }],
    reasoning_effort: 'none',
    temperature: 0,
    max_tokens: 4,
    ...(isEmpty(id) ? { logit_bias: { 1: 100 } } : {})
  }, { headers: { 'x-request-id': id } }).withResponse()
  return response.headers.get('x-gearbox-tier-reason')
}

async function askAll (cascade: object, ids: string[]): Promise<Array<string | null>> {
  const gateway = await startGateway(configOf(cascade), pino({ level: 'silent' }), 'test')
  try {
    await gateway.whenReady()
    const sdk = new OpenAI({ baseURL: `${gateway.address}/v1`, apiKey: 'none', maxRetries: 0 })
    const reasons: Array<string | null> = []
    for (let index = 0; index < ids.length; index += 10) reasons.push(...await Promise.all(ids.slice(index, index + 10).map(async id => await ask(sdk, id))))
    return reasons
  } finally {
    await gateway.close()
  }
}

interface Written extends TierComparison {
  minMeanLogprob: number
  escalationShare: number
  goodShare: number | null
  answers: number
  judged: number
}

async function calibrated (...argv: string[]): Promise<Written> {
  const [written = ''] = await runCommand(runCalibrate, ['--samples', samplesPath, ...argv], [])
  return JSON.parse(written) as Written
}

const samplesNow = async (): Promise<AnswerSample[]> => (await readFile(samplesPath, 'utf8')).trimEnd().split('\n').map(line => answerSampleSchema.parse(JSON.parse(line)))

t.setTimeout(240_000)

await t.test('traffic, threshold, repetitions', async t => {
  const ids = Array.from({ length: asks }, (_, index) => String(index))
  const reasons = await askAll({ holdoutShare: 0.4 }, ids)
  const text = await readFile(samplesPath, 'utf8')
  t.notMatch(text, marker, 'no prompt is written down')
  t.equal((await stat(samplesPath)).mode & 0o777, 0o600)
  const samples = await samplesNow()
  t.strictSame(samples.map(({ requestId }) => requestId).sort(), [...ids].sort(), 'each answered request once')
  t.ok(samples.every(sample => reasons[Number(sample.requestId)] === sample.reason))
  t.ok(samples.every(sample => isEmpty(sample.requestId) || (sample[sample.tier]?.meanLogprob ?? 0) < 0), 'confidence of the answer that was sent')
  const repeated = samples.filter(({ reason }) => reason === 'cascade-empty')
  t.ok(repeated.length > 0 && repeated.every(({ tier, flash, pro }) => tier === 'pro' && flash?.failure === 'cascade-empty' && pro !== null), 'what failed a check, and what replaced it')

  const { minMeanLogprob, escalationShare, answers, ...comparison } = await calibrated('--escalate', '0.25')
  t.match(comparison, { flash: { requests: reasons.filter((reason, index) => reason === 'cascade-holdout' && samples.find(({ requestId }) => requestId === String(index))?.tier === 'flash').length }, repeatedShare: Number, regret: { value: Number } })
  t.ok(comparison.pro.requests > 0 && comparison.cascade.requests > 0)
  const ratio = comparison.cascade.meanNanoUsd / comparison.pro.meanNanoUsd
  t.ok(Math.abs((comparison.saving?.value ?? 0) - (1 - ratio)) < 1e-9 && ratio < 1, 'flash is cheaper')

  const seen = samples.filter(({ flash }) => flash !== null).map(({ requestId }) => requestId)
  t.equal(answers, seen.length)
  // A little lower, for the last bits of a sum depend on what else is computed at the time.
  const again = await askAll({ holdoutShare: 0, minMeanLogprob: minMeanLogprob - 1e-5 }, seen)
  t.ok(again.includes('cascade-low-confidence') && again.includes('cascade-empty'))
  t.equal(again.filter(reason => reason !== 'cascade-kept').length / again.length, escalationShare, 'repeated as often as calibrate said')
})

await t.test('with judgements the target is about right answers', async t => {
  const samples = await samplesNow()
  const judgedPath = join(directory, 'judged.jsonl')
  // A judge who thinks as the model does: sure answers are good.
  const [middle = 0] = samples.flatMap(({ flash }) => flash?.meanLogprob ?? []).toSorted((a, b) => a - b).slice(samples.length / 3)
  await writeFile(judgedPath, samples.map(({ requestId, flash, tier }) => `${JSON.stringify({ requestId, wasGood: tier === 'flash' && (flash?.meanLogprob ?? -9) >= middle })}\n`).join(''))
  const { minMeanLogprob, goodShare, judged, regret } = await calibrated('--judged', judgedPath, '--target', '0.9')
  t.ok(minMeanLogprob <= middle && (goodShare ?? 0) >= 0.9 && judged >= 50, JSON.stringify({ minMeanLogprob, middle, goodShare, judged }))
  t.ok((regret?.value ?? 0) < 0, 'by this judge the cascade is better than pro, and regret says so')
})
