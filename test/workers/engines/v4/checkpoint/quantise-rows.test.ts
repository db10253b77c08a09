import { array, assert, double, integer, property } from 'fast-check'
import t from 'tap'
import { quantiseFp4Rows, quantiseFp8Rows } from '../../../../../workers/engines/v4/checkpoint/quantise-rows.js'
import { e2m1Values, e4m3Values, e8m0Values } from '../../../../../workers/engines/v4/numerics/minifloat.js'

const scaleAt = (scales: Uint8Array, index: number): number => e8m0Values[scales[index] ?? 255] ?? NaN
const fp4Value = (codes: Uint8Array, index: number): number => e2m1Values[((codes[index >> 1] ?? 0) >> (index % 2 * 4)) & 15] ?? NaN

const weights = (count: number) => array(double({ min: -100, max: 100, noNaN: true }), { minLength: count, maxLength: count }).map(values => Float32Array.from(values))

await t.test('FP4: the largest value is kept within the format, the low nibble comes first', async t => {
  const row = new Float32Array(64)
  row.set([6, -0.5, 1, 1.5, 2, 3, -4, 0.2])
  row[32] = 6.1
  const { codes, scales } = quantiseFp4Rows(row, 64)
  t.same([...scales], [127, 128], '6 needs a scale of 1, 6.1 one of 2')
  t.same([...codes.subarray(0, 4)], [0x97, 0x32, 0x54, 0x0e])
  t.equal(fp4Value(codes, 32) * 2, 6, 'and 6.1 is nearest to 6')
  t.throws(() => quantiseFp4Rows(row, 16), /16 columns do not divide into groups of 32/)
})

await t.test('zeros have a scale too', async t => {
  t.same([...quantiseFp4Rows(new Float32Array(32), 32).scales], [7])
  t.same([...quantiseFp8Rows(new Float32Array(9), 3).scales], [7])
})

await t.test('FP4: no value is further off than half a step at its size, and quantising twice changes nothing', async () => {
  assert(property(weights(64), integer({ min: -60, max: 60 }), (values, shift) => {
    const shifted = values.map(value => value * 2 ** shift)
    const { codes, scales } = quantiseFp4Rows(shifted, 32)
    const rounded = shifted.map((_, i) => fp4Value(codes, i) * scaleAt(scales, i >> 5))
    const again = quantiseFp4Rows(rounded, 32)
    return shifted.every((value, i) => {
      const step = scaleAt(scales, i >> 5)
      return Math.abs(value - (rounded[i] ?? NaN)) <= Math.max(step / 4, Math.abs(value) / 4) &&
        fp4Value(again.codes, i) * scaleAt(again.scales, i >> 5) === rounded[i]
    })
  }), { numRuns: 200 })
})

await t.test('FP8: a block of 128 x 128 has one scale, ragged ends included', async () => {
  assert(property(integer({ min: 1, max: 140 }), integer({ min: 1, max: 140 }), integer(), (rows, columns, seed) => {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 1.7) * (i % 7 === 0 ? 30 : 0.01))
    const { codes, scales } = quantiseFp8Rows(values, columns)
    const across = Math.ceil(columns / 128)
    const scaleOf = (i: number): number => scaleAt(scales, Math.floor(i / columns / 128) * across + Math.floor(i % columns / 128))
    const rounded = Float32Array.from(codes, (code, i) => (e4m3Values[code] ?? NaN) * scaleOf(i))
    const again = quantiseFp8Rows(rounded, columns)
    return scales.length === Math.ceil(rows / 128) * across &&
      values.every((value, i) => Math.abs(value - (rounded[i] ?? NaN)) <= Math.max(Math.abs(value) / 16, scaleOf(i) * 2 ** -10)) &&
      rounded.every((value, i) => (e4m3Values[again.codes[i] ?? 0x7f] ?? NaN) * scaleAt(again.scales, Math.floor(i / columns / 128) * across + Math.floor(i % columns / 128)) === value)
  }), { numRuns: 30 })
})
