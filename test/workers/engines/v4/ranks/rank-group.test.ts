import { copyFile, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { JobEvent } from '../../../../../workers/contract/event.js'
import { type Job, jobSchema } from '../../../../../workers/contract/job.js'
import { computeLogits } from '../../../../../workers/engines/v4/compute-logits.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { groupSettingOf, type V4EngineOptions } from '../../../../../workers/engines/v4/engine-settings.js'
import { RankGroup } from '../../../../../workers/engines/v4/ranks/rank-group.js'
import { V4Engine } from '../../../../../workers/engines/v4/v4-engine.js'
import { writeTinyGolden } from '../checkpoint/tiny-golden-weights.js'

const golden = JSON.parse(await readFile('test/fixtures/vectors/v4-tiny-golden.json', 'utf8')) as { tokens: number[], exact: { logits_pos40: number[] }, qat_sim: { logits_pos40: number[] } }
const directories = t.testdir({ tiny: {}, noise: {}, few: {}, broken: {} })
const tiny = join(directories, 'tiny')
const noise = join(directories, 'noise')
await writeTinyGolden(tiny)
await writeRandomCheckpoint(noise, { tier: 'flash' })

async function logitsOf (options: V4EngineOptions, chunk: number): Promise<number[][]> {
  return await computeLogits(tiny, { ...options, tokenIds: golden.tokens, chunk })
}

function worst (left: readonly number[], right: readonly number[]): number {
  return left.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (right[i] ?? NaN))), 0)
}

function jobOf (maxTokens: number): Job {
  return jobSchema.parse({
    requestId: 'request',
    attempt: 1,
    tier: 'flash',
    checkpoint: 'flash-noise',
    tokenIds: [0, 3, ...Array.from('sharded', character => 12 + character.charCodeAt(0)), 4],
    sampling: { temperature: 0, topP: 1, maxTokens, stopTokenIds: [] }
  })
}

async function collect (engine: V4Engine, job: Job): Promise<JobEvent[]> {
  const events: JobEvent[] = []
  for await (const event of engine.generate(job, new AbortController().signal)) events.push(event)
  return events
}

await t.test('one, two, three and four ranks give the golden logits, bit for bit the same', async t => {
  for (const mode of ['exact', 'qat_sim'] as const) {
    const alone = await logitsOf({ ranks: 1, mode }, 64)
    t.equal(alone.length, 41)
    t.ok(worst(golden[mode].logits_pos40, alone[40] ?? []) < 1e-5, mode)
    for (const ranks of mode === 'exact' ? [2, 3] : [2, 4]) t.same(await logitsOf({ ranks, mode }, ranks * 5), alone, `${mode}, ${ranks} ranks`)
  }
  const one = await logitsOf({ ranks: 1, arithmetic: 'f64', mode: 'qat_sim' }, 64)
  t.same(await logitsOf({ ranks: 3, arithmetic: 'f64', mode: 'qat_sim' }, 3), one, 'in f64')
})

await t.test('any number of ranks says the same, even when some have no expert', async t => {
  const few = join(directories, 'few')
  await writeRandomCheckpoint(few, { tier: 'flash', name: 'flash-noise', configKeys: { n_routed_experts: 2 } })
  for (const [directory, rankCounts] of [[noise, [1, 2, 4]], [few, [1, 3]]] as const) {
    const texts: number[][] = []
    for (const ranks of rankCounts) {
      const engine = await V4Engine.open(directory, { ranks })
      t.equal(engine.describe().ranks, ranks)
      const events = await collect(engine, jobOf(20))
      texts.push(events.flatMap(event => event.type === 'tokens' ? event.ids : []))
      await engine.close()
    }
    const [first, ...others] = texts
    t.equal(first?.length, 20)
    for (const text of others) t.same(text, first)
  }
})

for (const rank of [0, 1]) {
  await t.test(`when rank ${rank} dies its group goes down, and says so`, async t => {
    const engine = await V4Engine.open(noise, { ranks: 3 })
    t.teardown(async () => { await engine.close() })
    const { threads } = engine.group
    const exits = threads.map(async thread => await new Promise(resolve => thread.once('exit', resolve)))
    const jobs = [jobOf(10_000), jobOf(10_000)].map(async job => {
      const events: JobEvent[] = []
      for await (const event of engine.generate(job, new AbortController().signal)) {
        events.push(event)
        if (events.length === 5) await threads[rank]?.terminate()
      }
      return events
    })
    const fail = { type: 'fail', code: 'rank-died', blame: 'worker', retryable: true, message: new RegExp(`rank ${rank} ended`) }
    for (const events of await Promise.all(jobs)) t.match(events.at(-1), fail)
    t.match(await engine.failed, { message: new RegExp(`rank ${rank} ended`) })
    await Promise.all(exits)
    t.match(await collect(engine, jobOf(1)), [fail], 'later jobs hear the same')
  })
}

await t.test('weights that end early are refused by the rank that reads them', async t => {
  const broken = join(directories, 'broken')
  for (const file of ['config.json', 'gearbox.json', 'tokenizer.json', 'model.safetensors']) await copyFile(join(noise, file), join(broken, file))
  await truncate(join(broken, 'model.safetensors'), 400_000)
  await t.rejects(V4Engine.open(broken, { ranks: 2 }), { name: 'CheckpointError' })
})

await t.test('a rank that cannot start is an error, not a wait', async t => {
  const checkpoint = await openCheckpoint(noise)
  await checkpoint.close()
  const { config } = checkpoint
  const setting = { ...groupSettingOf(noise, config, { ranks: 2 }), directory: join(directories, 'nowhere') }
  await t.rejects(RankGroup.start(setting, config), { name: 'CheckpointError', message: /nowhere/ })
})
