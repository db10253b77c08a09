import t from 'tap'
import fc from 'fast-check'
import { decodeBfloat16, encodeBfloat16, expandBfloat16, roundToBfloat16 } from '../../../../../workers/engines/v4/numerics/bfloat16.js'
import { e2m1Values, e4m3Values, e8m0Values, encodeE2m1, encodeE4m3, encodeE8m0, powerOfTwoCeiling, roundToE2m1, roundToE4m3 } from '../../../../../workers/engines/v4/numerics/minifloat.js'

/** Nearest value of a grid by exhaustive search; of two equally near ones the even code. */
function nearest (value: number, grid: readonly number[]): number {
  const magnitude = Math.abs(value)
  let best = 0
  for (const [code, candidate] of grid.entries()) {
    const gain = Math.abs((grid[best] ?? 0) - magnitude) - Math.abs(candidate - magnitude)
    if (gain > 0 || (gain === 0 && code % 2 === 0)) best = code
  }
  return value < 0 ? -(grid[best] ?? 0) : grid[best] ?? 0
}

const e4m3Grid = [...e4m3Values.slice(0, 127)]
const e2m1Grid = [...e2m1Values.slice(0, 8)]

await t.test('every E4M3 code decodes to its value and encodes back', async t => {
  for (let code = 0; code < 256; code++) {
    const value = e4m3Values[code] ?? 0
    const isNaNCode = (code & 0x7f) === 0x7f
    t.equal(Number.isNaN(value), isNaNCode)
    if (!isNaNCode) t.equal(encodeE4m3(value), code)
  }
  t.equal(e4m3Values[0x7e], 448)
  t.equal(e4m3Values[1], 2 ** -9)
  t.equal(encodeE4m3(NaN), 0x7f)
})

await t.test('every E2M1 and E8M0 code decodes to its value and encodes back', async t => {
  for (let code = 0; code < 16; code++) t.equal(encodeE2m1(e2m1Values[code] ?? 0), code)
  for (let code = 0; code < 255; code++) t.equal(encodeE8m0(e8m0Values[code] ?? 0), code)
  t.equal(e8m0Values[0], 2 ** -127)
  t.ok(Number.isNaN(e8m0Values[255]))
  t.equal(encodeE8m0(NaN), 255)
  t.throws(() => encodeE8m0(3), RangeError)
  t.throws(() => encodeE8m0(2 ** 128), RangeError)
})

await t.test('check values of the specification', async t => {
  t.same([0.3, 17, 433, 1.0625, 0.001].map(roundToE4m3), [0.3125, 16, 448, 1, 0.001953125])
  t.same([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5].map(roundToE2m1), [0, 1, 1, 2, 2, 4, 4])
  t.same([1 / 448, 1, 449 / 448].map(powerOfTwoCeiling), [2 ** -8, 1, 2])
  t.same([1e9, -1e9, Infinity].map(roundToE4m3), [448, -448, 448], 'clamped before rounding')
  t.same([1e9, -1e9, Infinity].map(roundToE2m1), [6, -6, 6])
})

await t.test('powers of two are their own ceiling, anything above goes to the next', async t => {
  for (let exponent = -126; exponent < 127; exponent++) {
    t.equal(powerOfTwoCeiling(2 ** exponent), 2 ** exponent)
    t.equal(powerOfTwoCeiling(2 ** exponent * (1 + 2 ** -23)), 2 ** (exponent + 1))
  }
})

await t.test('rounding agrees with an exhaustive search', async () => {
  const values = fc.oneof(fc.double({ min: -500, max: 500, noNaN: true }), fc.double({ min: -8, max: 8, noNaN: true }), fc.double({ min: -0.02, max: 0.02, noNaN: true }))
  fc.assert(fc.property(values, value => roundToE4m3(value) + 0 === nearest(value, e4m3Grid) + 0))
  fc.assert(fc.property(values, value => roundToE2m1(value) + 0 === nearest(value, e2m1Grid) + 0))
})

await t.test('half-way points between neighbours go to the even code', async t => {
  for (const [grid, round] of [[e4m3Grid, roundToE4m3], [e2m1Grid, roundToE2m1]] as const) {
    for (let code = 0; code + 1 < grid.length; code++) {
      const even = grid[code + code % 2]
      t.equal(round(((grid[code] ?? 0) + (grid[code + 1] ?? 0)) / 2), even)
    }
  }
})

await t.test('every bfloat16 code survives, and rounding is to nearest even', async t => {
  let wrong = 0
  for (let code = 0; code < 65_536; code++) {
    const value = decodeBfloat16(code)
    if (Number.isNaN(value) ? !Number.isNaN(roundToBfloat16(value)) : encodeBfloat16(value) !== code) wrong++
  }
  t.equal(wrong, 0)
  t.equal(roundToBfloat16(1 + 2 ** -8), 1)
  t.equal(roundToBfloat16(1 + 3 * 2 ** -8), 1 + 2 ** -6)
  t.equal(roundToBfloat16(1 + 2 ** -8 + 2 ** -20), 1 + 2 ** -7)
  t.equal(roundToBfloat16(3.4e38), Infinity)
  t.ok(Number.isNaN(roundToBfloat16(NaN)))
  const target = new Float32Array(2)
  expandBfloat16(Uint8Array.of(0x80, 0x3f, 0x00, 0xc0), target)
  t.same([...target], [1, -2])
})
