import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadExpertTable, loadFloats, loadMatrix } from '../../../../../workers/engines/v4/checkpoint/load-weights.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type TensorSource, writeCheckpoint } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { Arena } from '../../../../../workers/engines/v4/kernels/arena.js'
import { decodeRow } from '../../../../../workers/engines/v4/kernels/reference/weight-row.js'
import { tinyGoldenConfigKeys, tinyGoldenTensors, tinyGoldenValues } from './tiny-golden-weights.js'

const root = await mkdtemp(join(tmpdir(), 'load-'))
t.teardown(() => rm(root, { recursive: true }))

/** The tiny network with one matrix of each stored form. */
async function openWith (replacements: TensorSource[]) {
  const directory = await mkdtemp(join(root, 'checkpoint-'))
  const names = new Set(replacements.map(({ name }) => name))
  await writeCheckpoint(directory, { configKeys: tinyGoldenConfigKeys, shards: [[...tinyGoldenTensors().filter(({ name }) => !names.has(name)), ...replacements]] })
  const checkpoint = await openCheckpoint(directory)
  t.teardown(() => checkpoint.close())
  return checkpoint
}

const tensor = (name: string, type: TensorSource['type'], shape: number[], bytes: Uint8Array): TensorSource => ({ name, type, shape, bytes: () => bytes })
const ramp = (count: number, modulus: number) => Uint8Array.from({ length: count }, (_, i) => i % modulus)

const wqB = 'layers.0.attn.wq_b'
const w1 = 'layers.0.ffn.experts.3.w1'
const quantised = [
  tensor(`${wqB}.weight`, 'F8_E4M3', [288, 16], ramp(288 * 16, 127)),
  tensor(`${wqB}.scale`, 'F8_E8M0', [3, 1], Uint8Array.of(126, 127, 128)),
  tensor(`${w1}.weight`, 'I8', [32, 32], ramp(32 * 32, 256)),
  tensor(`${w1}.scale`, 'F8_E8M0', [32, 2], ramp(64, 120)),
  tensor('norm.weight', 'BF16', [64], new Uint8Array(Uint16Array.from({ length: 64 }, (_, i) => 0x3f80 + i).buffer)),
  tensor('layers.0.ffn.gate.tid2eid', 'I32', [32, 2], new Uint8Array(Int32Array.from({ length: 64 }, (_, i) => i % 8).buffer))
]

await t.test('matrices load as stored, wholly or by rows', async t => {
  const checkpoint = await openWith(quantised)
  const arena = Arena.create()
  const decoded = (matrix: Parameters<typeof decodeRow>[1], row: number) => {
    const values = new Float64Array(matrix.columns)
    decodeRow(arena, matrix, row, values)
    return values
  }
  const wide = await loadMatrix(checkpoint, arena, 'head.weight', { begin: 5, end: 9 })
  t.match(wide, { format: 'f32', rows: 4, columns: 64 })
  t.same(decoded(wide, 1), Float64Array.from(Float32Array.from(tinyGoldenValues('head.weight', [32, 64])).subarray(6 * 64, 7 * 64)))

  const fp8 = await loadMatrix(checkpoint, arena, `${wqB}.weight`)
  t.match(fp8, { format: 'fp8', rows: 288, columns: 16 })
  const lower = await loadMatrix(checkpoint, arena, `${wqB}.weight`, { begin: 256, end: 270 })
  t.equal(lower.rows, 14)
  t.same(decoded(lower, 3), decoded(fp8, 259))
  await t.rejects(loadMatrix(checkpoint, arena, `${wqB}.weight`, { begin: 100, end: 270 }), /multiple of 128, not 100/)

  const fp4 = await loadMatrix(checkpoint, arena, `${w1}.weight`)
  t.match(fp4, { format: 'fp4', rows: 32, columns: 64 })
  const half = await loadMatrix(checkpoint, arena, `${w1}.weight`, { begin: 16, end: 32 })
  t.same(decoded(half, 2), decoded(fp4, 18))
  t.same([...decoded(fp4, 1)].slice(2, 4).map(value => value * 2 ** 125), [0.5, 1], 'byte 33 = 0x21: low nibble first, scale 2^(2-127)')
})

await t.test('small tensors widen to f32, tables to integers', async t => {
  const checkpoint = await openWith(quantised)
  const arena = Arena.create()
  const norm = await loadFloats(checkpoint, arena, 'norm.weight')
  t.same([...arena.f32(norm, 2)], [1, 1 + 2 ** -7])
  const sink = await loadFloats(checkpoint, arena, 'layers.0.attn.attn_sink')
  t.same(arena.f32(sink, 4), Float32Array.from(tinyGoldenValues('layers.0.attn.attn_sink', [4])))
  t.same((await loadExpertTable(checkpoint, 'layers.0.ffn.gate.tid2eid')).slice(0, 10), Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 0, 1))
  const original = await openWith([])
  t.same(await loadExpertTable(original, 'layers.0.ffn.gate.tid2eid'), Int32Array.from(tinyGoldenValues('layers.0.ffn.gate.tid2eid', [32, 2])))
})

await t.test('values that no healthy checkpoint holds are refused by name', async t => {
  const arena = Arena.create()
  const [, , , , , table] = quantised
  const damaged = await openWith([
    ...quantised.filter(({ name }) => name !== `${wqB}.scale` && name !== table?.name),
    tensor(`${wqB}.scale`, 'F8_E8M0', [3, 1], Uint8Array.of(126, 255, 128)),
    tensor('layers.0.ffn.gate.tid2eid', 'I64', [32, 2], new Uint8Array(BigInt64Array.from({ length: 64 }, () => 8n).buffer))
  ])
  await t.rejects(loadMatrix(damaged, arena, `${wqB}.weight`), { name: 'CheckpointError', message: 'layers.0.attn.wq_b.scale holds a NaN' })
  await t.rejects(loadExpertTable(damaged, 'layers.0.ffn.gate.tid2eid'), /expert 8 of 8/)
  await t.rejects(loadFloats(damaged, arena, 'layers.0.ffn.gate.tid2eid'), /is I64, not a float tensor/)
  await t.rejects(loadMatrix(damaged, arena, 'layers.9.nothing'), /no tensor layers\.9\.nothing/)
  await t.rejects(loadMatrix(damaged, arena, 'layers.0.ffn.gate.tid2eid'), /not a matrix/)
})
