/** The arithmetic of plans against the published tables of sizes. */
import t from 'tap'
import { fitGpus } from '../../src/plan/fit-gpus.js'
import { fitMachine, flashBuilds } from '../../src/plan/fit-machine.js'
import { findAccelerator, type Accelerator } from '../../src/plan/hardware.js'
import { makeGpuPlan, type GpuRequest } from '../../src/plan/make-plan.js'
import { scratchBytes, sequenceBytes, servedModel } from '../../src/plan/served-model.js'

const MiB = 2 ** 20
const GiB = 2 ** 30
const K = 1024

function gpu (name: string): Accelerator {
  const accelerator = findAccelerator(name)
  if (accelerator === null) throw new Error(`no ${name}`)
  return accelerator
}

await t.test('cache of one sequence, FP8 with an FP4 indexer', async t => {
  const rows = [
    [8 * K, 42, 61],
    [64 * K, 234, 337],
    [128 * K, 454, 651],
    [512 * K, 1.73 * K, 2.48 * K],
    [1024 * K, 3.45 * K, 4.93 * K]
  ] as const
  for (const [tokens, flash, pro] of rows) {
    for (const [tier, wanted] of [['flash', flash], ['pro', pro]] as const) {
      const actual = sequenceBytes(tier, 'fp8-fp4', tokens) / MiB
      // Rounded to whole MiB, or to hundredths of a GiB.
      t.ok(Math.abs(actual - wanted) <= (wanted < 1000 ? 0.6 : 6), `${tier} at ${tokens}: ${actual.toFixed(1)} MiB, published ${wanted}`)
    }
  }
  t.ok(Math.abs(sequenceBytes('pro', 'bf16', 1024 * K) / GiB - 9.64) < 0.02, "vLLM's own figure of 9.62 GiB, plus the fixed part")
})

await t.test('scratch of the indexer: the allocations that two engines died of', async t => {
  // SGLang 35201: 4096 x 800K, 3.3 GB; SGLang 34155: 8192 x 512K, 4.0 GiB.
  t.ok(Math.abs(scratchBytes(4096, 800_000) - 3.3e9) < 0.05e9)
  t.equal(scratchBytes(8192, 512 * K), 4 * GiB)
})

await t.test('totals of the releases', async t => {
  const totals = [['flash', 'preview', 159.6], ['flash', '0731', 166.9], ['pro', 'preview', 864.7], ['pro', '0731', 892.7]] as const
  for (const [tier, revision, wanted] of totals) {
    const { expertBytes, denseBytes, vocabularyBytes, drafterBytes } = servedModel(tier, revision)
    const total = (expertBytes + denseBytes + vocabularyBytes + drafterBytes) / 1e9
    t.ok(Math.abs(total - wanted) < 0.15, `${tier} ${revision}: ${total.toFixed(1)} GB, published ${wanted}`)
  }
})

await t.test('what is known to run fits, what is known not to does not', async t => {
  const rows: Array<[GpuRequest['tier'], string, number, number, number, boolean]> = [
    ['flash', 'B200', 4, 128 * K, 16, true],
    ['flash', 'H200', 4, 128 * K, 16, true],
    ['flash', 'H100', 8, 128 * K, 16, true],
    ['flash', 'GB300', 1, 128 * K, 4, true],
    ['flash', 'RTX PRO 6000', 4, 64 * K, 4, true],
    ['flash', 'H100', 1, 8 * K, 1, false],
    ['flash', 'H100', 2, 8 * K, 1, false],
    ['pro', 'B200', 8, 200 * K, 16, true],
    ['pro', 'GB300', 4, 64 * K, 8, true],
    // A tray of four cannot hold it; two can.
    ['pro', 'GB200', 4, 8 * K, 1, false],
    ['pro', 'GB200', 8, 64 * K, 8, true],
    ['pro', 'H200', 8, 86_016, 16, true],
    ['pro', 'H200', 8, 256 * K, 32, false],
    ['pro', 'H100', 8, 8 * K, 1, false],
    ['pro', 'H100', 16, 64 * K, 8, true],
    ['pro', 'RTX PRO 6000', 8, 8 * K, 1, false]
  ]
  for (const [tier, name, gpuCount, contextTokens, concurrency, wanted] of rows) {
    const plan = makeGpuPlan({ tier, revision: '0731', accelerator: gpu(name), gpuCount, parallelism: null, contextTokens, concurrency })
    t.equal(plan.kind === 'fits', wanted, `${tier} on ${gpuCount}x ${name}, ${concurrency} of ${contextTokens}`)
  }
})

await t.test('tensor parallelism holds every cache on every GPU, data parallelism only its own', async t => {
  const request = { contextTokens: 128 * K, concurrency: 64 }
  const [tensor, data] = (['tensor', 'data'] as const).map(parallelism => fitGpus(servedModel('flash', '0731'), gpu('B200'), 4, parallelism, request))
  t.match(tensor, { sequencesPerGpu: 64 })
  t.match(data, { sequencesPerGpu: 16 })
  t.ok((data?.weightBytes ?? 0) > (tensor?.weightBytes ?? Infinity), 'and attention whole on each')
})

await t.test('what would fit does fit, and one more does not', async t => {
  for (const parallelism of ['tensor', 'data'] as const) {
    const fit = (contextTokens: number, concurrency: number) => fitGpus(servedModel('pro', '0731'), gpu('B200'), 8, parallelism, { contextTokens, concurrency })
    const { mostSequences, mostContextTokens } = fit(256 * K, 400)
    t.equal(fit(256 * K, mostSequences).fits, true)
    t.equal(fit(256 * K, mostSequences + 1).fits, false)
    t.equal(fit(mostContextTokens, 400).fits, true)
    t.equal(fit(mostContextTokens + 256, 400).fits, false)
  }
})

await t.test('parallelism that does not divide the network is refused', async t => {
  const request = { tier: 'flash' as const, revision: '0731' as const, accelerator: gpu('B200'), contextTokens: 8 * K, concurrency: 1 }
  t.match(makeGpuPlan({ ...request, gpuCount: 6, parallelism: null }), { kind: 'impossible', reason: /256 experts do not divide by 6/ })
  t.match(makeGpuPlan({ ...request, gpuCount: 16, parallelism: 'tensor' }), { kind: 'impossible', reason: /8 output groups/ })
  t.match(makeGpuPlan({ ...request, gpuCount: 8, parallelism: null, contextTokens: 2048 * K }), { kind: 'impossible', reason: /ends at 1048576/ })
})

await t.test('Flash on one machine: 145 GiB at 4 bits on 192 GB, 2 bits on 96 and 128 GB', async t => {
  const demand = { contextTokens: 128 * K, concurrency: 1 }
  const fitting = (gib: number) => flashBuilds.filter(build => fitMachine(build, gib * GiB, demand).fits).map(({ name }) => name)
  t.ok(Math.abs((flashBuilds[0]?.fileBytes ?? 0) / GiB - 145.3) < 0.1)
  t.same(fitting(192), ['Flash MXFP4 (lossless)', 'ds4f-q4', 'ds4f-q2-q4', 'ds4f-q2'])
  t.same(fitting(128), ['ds4f-q2-q4', 'ds4f-q2'])
  t.same(fitting(96), ['ds4f-q2'])
  t.same(fitting(64), [])
})
