import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type ForwardPass } from '../../../../../workers/engines/v4/model/forward-pass.js'
import { loadModel, type ModelSetting, soleRank } from '../../../../../workers/engines/v4/model/load-model.js'
import { Sequence } from '../../../../../workers/engines/v4/sequence/sequence.js'
import { writeTinyGolden } from '../checkpoint/tiny-golden-weights.js'

interface GoldenMode {
  logits_pos0: number[]
  logits_pos12: number[]
  logits_pos40: number[]
  h_layer0_pos40_stream0_first4: number[]
  h_layer3_pos40_stream3_first4: number[]
  last_indexer_selection_layer3: number[]
}

const golden = JSON.parse(await readFile('test/fixtures/vectors/v4-tiny-golden.json', 'utf8')) as { tokens: number[], exact: GoldenMode, qat_sim: GoldenMode }
const directory = t.testdir()
await writeTinyGolden(directory)

async function load (overrides: Partial<ModelSetting> = {}, from = directory): Promise<ForwardPass> {
  const checkpoint = await openCheckpoint(from)
  const setting: ModelSetting = { ...soleRank, maxRows: 64, contextTokens: 512, capacity: { slots: 4, blocks: 16, snapshots: 2 }, ...overrides }
  try {
    return await loadModel(checkpoint, setting)
  } finally {
    await checkpoint.close()
  }
}

function open (slot: number): Sequence {
  return new Sequence(slot, Int32Array.of(slot * 4, slot * 4 + 1, slot * 4 + 2, slot * 4 + 3))
}

/** Logits of every position, computed in slices of `chunk` tokens. */
function run (model: ForwardPass, sequence: Sequence, tokenIds: readonly number[], chunk: number): number[][] {
  const logits: number[][] = []
  for (let start = 0; start < tokenIds.length; start += chunk) {
    const wanted = model.forward([{ sequence, tokenIds: tokenIds.slice(start, start + chunk), wants: 'all' }])
    for (let i = 0; i < wanted; i++) logits.push([...model.logitsOf(i)])
  }
  return logits
}

function worst (left: readonly number[], right: readonly number[]): number {
  return left.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (right[i] ?? NaN))), 0)
}

const settings = [
  { arithmetic: 'f32', kernels: 'simd' },
  { arithmetic: 'f32', kernels: 'reference' },
  { arithmetic: 'f64', kernels: 'reference' }
] as const

for (const { arithmetic, kernels } of settings) {
  for (const mode of ['exact', 'qat_sim'] as const) {
    await t.test(`golden logits: ${mode} in ${arithmetic}, ${kernels} kernels`, async t => {
      const model = await load({ arithmetic, mode, kernels })
      const picks: number[][] = []
      const streams: number[][] = []
      model.onLayer = (_, { values }) => { streams.push([...values]) }
      for (const stage of model.stages) stage.attention.onPick = (_, entries) => { picks.push([...entries]) }
      const logits = run(model, open(0), golden.tokens, 64)
      const expected = golden[mode]
      const errors = [
        worst(expected.logits_pos0, logits[0] ?? []),
        worst(expected.logits_pos12, logits[12] ?? []),
        worst(expected.logits_pos40, logits[40] ?? []),
        worst(expected.h_layer0_pos40_stream0_first4, (streams[0] ?? []).slice(40 * 256)),
        worst(expected.h_layer3_pos40_stream3_first4, (streams[3] ?? []).slice(40 * 256 + 192))
      ]
      t.comment(`largest differences ${errors.map(error => error.toExponential(1)).join(' ')}`)
      const bound = arithmetic === 'f64' ? 1e-6 : 1e-5
      t.ok(Math.max(...errors) < bound, `within ${bound} of float64`)
      t.same(picks.at(-1), [...expected.last_indexer_selection_layer3].sort((a, b) => a - b), 'indexer pick')
    })
  }
}

const other = JSON.parse(await readFile('test/fixtures/vectors/v4-other-sizes-golden.json', 'utf8')) as { configKeys: Record<string, unknown>, tokenIds: number[], positions: number[], exact: number[][], qat_sim: number[][] }

for (const mode of ['exact', 'qat_sim'] as const) {
  await t.test(`another network, three streams and odd sizes: ${mode}`, async t => {
    const otherDirectory = t.testdir()
    await writeTinyGolden(otherDirectory, other.configKeys)
    const model = await load({ arithmetic: 'f64', mode }, otherDirectory)
    const logits = run(model, open(0), other.tokenIds, 64)
    for (const [i, position] of other.positions.entries()) t.ok(worst(other[mode][i] ?? [], logits[position] ?? []) < 1e-12, `position ${position}`)
  })
}

await t.test('any chunk size gives the logits of one shot, bit for bit', async t => {
  const model = await load({ mode: 'qat_sim' })
  const whole = run(model, open(0), golden.tokens, 64)
  for (const chunk of [1, 2, 3, 5, 7, 13, 41]) t.same(run(model, open(1), golden.tokens, chunk), whole, `chunks of ${chunk}`)
})

await t.test('sequences computed together agree with each alone, bit for bit', async t => {
  const model = await load()
  const prompts = [0, 1, 2, 3].map(shift => golden.tokens.map(id => (id + 5 * shift) % 32).slice(shift * 3))
  const alone = prompts.map(tokenIds => run(model, open(0), tokenIds, 64))
  const sequences = prompts.map((_, slot) => open(slot))
  const together: number[][][] = prompts.map(() => [])
  // Uneven pieces, so that in one step some sequences prefill while others decode.
  for (const sizes of [[5, 0, 1, 7], [1, 9, 1, 7], [12, 1, 20, 1], [1, 1, 1, 1], [30, 30, 30, 30]]) {
    for (const group of [[0, 1], [2, 3]]) {
      const slices = group.map(index => {
        const sequence = sequences[index] ?? open(0)
        return { index, sequence, wants: 'all' as const, tokenIds: prompts[index]?.slice(sequence.position, sequence.position + (sizes[index] ?? 0)) ?? [] }
      }).filter(({ tokenIds }) => tokenIds.length > 0)
      model.forward(slices)
      let row = 0
      for (const { index, tokenIds } of slices) for (let i = 0; i < tokenIds.length; i++) together[index]?.push([...model.logitsOf(row++)])
    }
  }
  for (const [index, logits] of alone.entries()) t.same(together[index], logits, `sequence ${index}`)
})

await t.test('a used slot and used blocks leave no trace', async t => {
  const model = await load()
  const first = run(model, open(2), golden.tokens, 64)
  run(model, open(2), golden.tokens.map(id => 31 - id), 10)
  t.same(run(model, open(2), golden.tokens, 64), first)
})

await t.test('a layer never leaves its arena: several arenas give the same', async t => {
  const one = await load({ kernels: 'reference' })
  const many = await load({ kernels: 'reference', arenaBytes: 3 * 2 ** 20 })
  t.equal(one.stages.length, 1)
  t.ok(many.stages.length > 1, `${many.stages.length} stages`)
  t.same(run(many, open(0), golden.tokens, 16), run(one, open(0), golden.tokens, 64))
  await t.rejects(load({ arenaBytes: 2 ** 16 }), { name: 'RangeError', message: /needs \d+ bytes/ })
})

await t.test('a snapshot at a block boundary is all that a prefix needs besides its blocks', async t => {
  const model = await load({ mode: 'qat_sim' })
  const tokenIds = Array.from({ length: 200 }, (_, i) => (7 * i * i + i) % 32)
  const original = open(0)
  run(model, original, tokenIds.slice(0, 128), 64)
  model.snapshot(original, 1)
  const rest = run(model, original, tokenIds.slice(128), 64)
  run(model, open(3), tokenIds.map(id => 31 - id), 64)
  const resumed = new Sequence(3, Int32Array.of(0, 9, 10, 11))
  model.restore(1, resumed, 128)
  t.same(run(model, resumed, tokenIds.slice(128), 11), rest)
  t.throws(() => { model.snapshot(resumed, 0) }, { message: /not at a multiple of 128/ })
})

await t.test('only the wanted rows have logits', async t => {
  const model = await load()
  const whole = run(model, open(0), golden.tokens, 64)
  const wanted = model.forward([
    { sequence: open(1), tokenIds: golden.tokens.slice(0, 9), wants: 'none' },
    { sequence: open(2), tokenIds: golden.tokens, wants: 'last' }
  ])
  t.equal(wanted, 1)
  t.same([...model.logitsOf(0)], whole.at(-1))
})

await t.test('a step that cannot be is refused', async t => {
  const model = await load({ maxRows: 8 })
  const sequence = open(0)
  t.throws(() => model.forward([{ sequence, tokenIds: golden.tokens, wants: 'none' }]), { message: '41 rows in a step of at most 8' })
  t.throws(() => model.forward([{ sequence, tokenIds: [1], wants: 'none' }, { sequence, tokenIds: [2], wants: 'none' }]), { message: /twice/ })
})
