import t from 'tap'
import fc from 'fast-check'
import { roundToBfloat16 } from '../../../../../workers/engines/v4/numerics/bfloat16.js'
import { fakeQuantiseFp4, fakeQuantiseFp8 } from '../../../../../workers/engines/v4/numerics/fake-quantise.js'
import { hadamard } from '../../../../../workers/engines/v4/numerics/hadamard.js'

const vectors = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 64, maxLength: 64 })

await t.test('FP8 groups get the smallest power-of-two scale that fits', async t => {
  const values = Float32Array.of(448, 1.03, -0.3, 0, 449, 1.03, -0.3, 0)
  fakeQuantiseFp8(values, 0, 8, 4)
  t.same([...values], [448, 1, -0.3125, 0, 448, 1, -0.3125, 0], 'scales 1 and 2: 449/2 rounds to 224')
})

await t.test('FP4 groups likewise, only inside the range', async t => {
  const values = Float32Array.of(9.9, 6, 2.4, -0.2, 1, 12.1, 9.9)
  fakeQuantiseFp4(values, 1, 4, 2)
  fakeQuantiseFp4(values, 5, 1)
  t.same([...values].map(value => Math.fround(value)), [Math.fround(9.9), 6, 2, -0.25, 1, 12, Math.fround(9.9)])
})

await t.test('an all-zero or tiny group stays near zero', async t => {
  const values = new Float64Array([0, 0, 1e-10, -1e-10])
  fakeQuantiseFp8(values, 0, 4, 4)
  t.same([...values].map(Math.abs), [0, 0, 0, 0], 'below half a step of the floor scale')
  const small = new Float64Array([0, 1e-9])
  fakeQuantiseFp4(small, 0, 2)
  t.ok(Math.abs((small[1] ?? 0) - 1e-9) < 1e-10)
})

await t.test('quantising twice changes nothing, the error is bounded, and results are exact in bfloat16', async () => {
  for (const [quantise, relativeStep, floor] of [[fakeQuantiseFp8, 1 / 16, 2 ** -9 / 448], [fakeQuantiseFp4, 1 / 4, 1 / 12]] as const) {
    fc.assert(fc.property(vectors, numbers => {
      const once = Float32Array.from(numbers)
      quantise(once, 0, 64, 32)
      const twice = once.slice()
      quantise(twice, 0, 64, 32)
      const largest = Math.max(...numbers.map(Math.abs), 1e-4)
      return once.every((value, i) => value === twice[i] && value === roundToBfloat16(value) &&
        Math.abs(value - (numbers[i] ?? 0)) <= Math.max(Math.abs(numbers[i] ?? 0) * relativeStep, 2 * largest * floor))
    }))
  }
})

await t.test('Hadamard: the check value, and it is its own inverse', async t => {
  const values = Float64Array.from({ length: 10 }, (_, i) => i - 1)
  hadamard(values, 1, 8)
  t.same([...values.slice(1, 9)].map(value => Math.round(value * Math.sqrt(8))), [28, -4, -8, 0, -16, 0, 0, 0])
  t.same([values[0], values[9]], [-1, 8], 'neighbours untouched')
  fc.assert(fc.property(vectors, numbers => {
    const twice = Float64Array.from(numbers)
    hadamard(twice, 0, 64)
    hadamard(twice, 0, 64)
    return twice.every((value, i) => Math.abs(value - (numbers[i] ?? 0)) < 1e-10)
  }))
})
