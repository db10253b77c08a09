import v8 from 'node:v8'
import t from 'tap'
import fc from 'fast-check'
import { Arena } from '../../../../../workers/engines/v4/kernels/arena.js'
import { type Kernels } from '../../../../../workers/engines/v4/kernels/kernels.js'
import { type Matrix, type MatrixFormat, sliceRows } from '../../../../../workers/engines/v4/kernels/matrix.js'
import { decodeRow } from '../../../../../workers/engines/v4/kernels/reference/weight-row.js'
import { randomFloats, randomMatrix, randomNumbers } from './random-operands.js'

// Node 20 has relaxed SIMD behind this switch; later V8 versions have it by default and not the switch.
if (process.versions.v8.startsWith('11.')) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
const { loadKernels } = await import('../../../../../workers/engines/v4/kernels/load-kernels.js')

const arena = Arena.create()
const reference = loadKernels(arena, 'reference')
const fast = (['simd', 'relaxed-simd'] as const).map(name => loadKernels(arena, name))

/** Worst case of f32 sums in four lanes, relative to the sum of |w| |x|. */
const relativeBound = (columns: number) => (columns / 4 + 16) * 2 ** -24

const formats = ['fp4', 'fp8', 'bf16', 'f32'] as const
const width = (format: MatrixFormat) => format === 'fp4'
  ? fc.integer({ min: 1, max: 40 }).map(groups => groups * 32)
  : fc.oneof(fc.constantFrom(1, 3, 8, 16, 72, 127, 128, 129, 144, 512, 515, 1100), fc.integer({ min: 1, max: 700 }))

const products = fc.constantFrom(...formats).chain(format => fc.record({
  format: fc.constant(format),
  rows: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(127, 128, 131, 140)),
  columns: width(format),
  batch: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(17, 64)),
  xGap: fc.integer({ min: 0, max: 5 }),
  yGap: fc.integer({ min: 0, max: 5 }),
  seed: fc.nat()
}))

/** How far a product may be from the exact one, for every row: the summation, and for fp4 the rounding of x to 16 bits. */
function boundsOf (matrix: Matrix, x: number): Float64Array {
  const weights = new Float64Array(matrix.columns)
  const input = arena.f32(x, matrix.columns)
  const steps = input.map((_, c) => matrix.format === 'fp4' ? Math.max(...input.subarray(c & ~31, (c | 31) + 1).map(Math.abs)) / 65_534 : 0)
  return Float64Array.from({ length: matrix.rows }, (_, row) => {
    decodeRow(arena, matrix, row, weights)
    return weights.reduce((sum, weight, c) => sum + Math.abs(weight) * (Math.abs(input[c] ?? 0) * relativeBound(matrix.columns) + (steps[c] ?? 0)), 0)
  })
}

function run (kernels: Kernels, size: number, compute: (kernels: Kernels, y: number) => void): Float32Array {
  const y = arena.allocate(size * 4)
  arena.f32(y, size).fill(7)
  compute(kernels, y)
  return arena.f32(y, size)
}

function inScratch (body: () => void): void {
  const mark = arena.mark()
  try {
    body()
  } finally {
    arena.release(mark)
  }
}

for (const kernels of fast) {
  await t.test(`${kernels.name}: products equal the reference within the bound, and gaps between rows stay untouched`, async () => {
    fc.assert(fc.property(products, ({ format, rows, columns, batch, xGap, yGap, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const matrix = randomMatrix(arena, random, format, rows, columns)
      const xStride = columns + xGap
      const yStride = rows + yGap
      const x = randomFloats(arena, random, batch * xStride)
      const compute = (kernels: Kernels, y: number) => kernels.multiply(matrix, x, y, batch, xStride, yStride)
      const expected = run(reference, batch * yStride, compute)
      const actual = run(kernels, batch * yStride, compute)
      for (let b = 0; b < batch; b++) {
        const bound = boundsOf(matrix, x + b * xStride * 4)
        for (let r = 0; r < yStride; r++) {
          const distance = Math.abs((actual[b * yStride + r] ?? NaN) - (expected[b * yStride + r] ?? NaN))
          if (!(distance <= (bound[r] ?? 0))) throw new Error(`batch ${b} row ${r}: off by ${distance}`)
        }
      }
    })), { numRuns: 40 })
  })

  await t.test(`${kernels.name}: a result depends on its row and its input alone, bit for bit`, async () => {
    fc.assert(fc.property(products, fc.nat(), ({ format, rows, columns, batch, seed }, cut) => inScratch(() => {
      const random = randomNumbers(seed)
      const matrix = randomMatrix(arena, random, format, rows, columns)
      const x = randomFloats(arena, random, batch * columns)
      const together = run(kernels, batch * rows, (kernels, y) => kernels.multiply(matrix, x, y, batch))
      const b = cut % batch
      const alone = run(kernels, rows, (kernels, y) => kernels.multiply(matrix, x + b * columns * 4, y, 1))
      const begin = format === 'fp8' ? cut % rows & ~127 : cut % rows
      const slice = sliceRows(matrix, begin, rows)
      const part = run(kernels, rows - begin, (kernels, y) => kernels.multiply(slice, x + b * columns * 4, y, 1))
      const size = Math.min(batch, 1 + cut % 7)
      const few = run(kernels, size * rows, (kernels, y) => kernels.multiply(matrix, x, y, size))
      if (!alone.every((value, r) => Object.is(value, together[b * rows + r]))) throw new Error('alone')
      if (!part.every((value, r) => Object.is(value, alone[begin + r]))) throw new Error('sliced')
      if (!few.every((value, i) => Object.is(value, together[i]))) throw new Error(`batch of ${size}`)
    })), { numRuns: 40 })
  })

  await t.test(`${kernels.name}: multiplyAdd adds to what is there`, async () => {
    fc.assert(fc.property(products, ({ format, rows, columns, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const matrix = randomMatrix(arena, random, format, rows, columns)
      const x = randomFloats(arena, random, columns)
      const bound = boundsOf(matrix, x)
      const expected = run(reference, rows, (kernels, y) => kernels.multiplyAdd(matrix, x, y))
      const actual = run(kernels, rows, (kernels, y) => kernels.multiplyAdd(matrix, x, y))
      if (!actual.every((value, r) => Math.abs(value - (expected[r] ?? NaN)) <= (bound[r] ?? 0) + 1e-6)) throw new Error('off')
    })), { numRuns: 25 })
  })

  await t.test(`${kernels.name}: every code of the small formats is decoded exactly`, async t => {
    const x = arena.allocate(256 * 4)
    const matrix: Matrix = { format: 'fp8', rows: 256, columns: 256, weights: arena.allocate(65_536), scales: arena.allocate(4) }
    arena.bytes(matrix.weights, 65_536).forEach((_, i, codes) => { codes[i] = (i >> 8) === (i & 255) ? i & 255 : 0 })
    arena.bytes(matrix.scales, 4).set([127, 0, 1, 254])
    arena.f32(x, 256).fill(1)
    const isNumber = (_: number, code: number) => (code & 127) !== 127
    for (const batch of [1, 2]) {
      const expected = run(reference, 256 * batch, (kernels, y) => kernels.multiply(matrix, x, y, batch, 0)).filter(isNumber)
      const actual = run(kernels, 256 * batch, (kernels, y) => kernels.multiply(matrix, x, y, batch, 0)).filter(isNumber)
      t.same(actual.map(Math.abs), expected.map(Math.abs))
    }
    const fp4: Matrix = { format: 'fp4', rows: 16, columns: 32, weights: matrix.weights, scales: matrix.scales }
    arena.bytes(fp4.weights, 256).forEach((_, i, codes) => { codes[i] = i % 16 === 5 ? Math.floor(i / 16) : 0 })
    arena.bytes(fp4.scales, 16).set([127, 0, 1, 127, 128, 127, 127, 251, 127, 0, 1, 127, 128, 127, 127, 250])
    for (const batch of [1, 2]) {
      const expected = run(reference, 16 * batch, (kernels, y) => kernels.multiply(fp4, x, y, batch, 0))
      run(kernels, 16 * batch, (kernels, y) => kernels.multiply(fp4, x, y, batch, 0)).forEach((value, r) => {
        const wanted = expected[r] ?? NaN
        t.ok(Math.abs(value - wanted) <= Math.abs(wanted) * 2 ** -22, `row ${r}: ${value} for ${wanted}`)
      })
    }
  })

  await t.test(`${kernels.name}: attention`, async () => {
    const shapes = fc.record({
      count: fc.integer({ min: 1, max: 40 }), width: fc.integer({ min: 1, max: 80 }), heads: fc.integer({ min: 1, max: 9 }), seed: fc.nat()
    })
    fc.assert(fc.property(shapes, ({ count, width, heads, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const q = randomFloats(arena, random, heads * width)
      const sinks = randomFloats(arena, random, heads)
      const keys = randomFloats(arena, random, 50 * width)
      const rowOffsets = arena.allocate(count * 4)
      arena.u32(rowOffsets, count).set(Array.from({ length: count }, () => keys + Math.floor(random() * 50) * width * 4))
      const compute = (kernels: Kernels, out: number) => kernels.attend({ q, rowOffsets, count, width, heads, scale: 3, sinks, out })
      compare(run(kernels, heads * width, compute), run(reference, heads * width, compute), 2e-5)
    })))
  })

  await t.test(`${kernels.name}: the indexer's scan`, async () => {
    const shapes = fc.record({
      count: fc.integer({ min: 1, max: 60 }), runLength: fc.integer({ min: 1, max: 33 }), steps: fc.integer({ min: 1, max: 20 }), heads: fc.integer({ min: 1, max: 9 }), seed: fc.nat()
    })
    fc.assert(fc.property(shapes, ({ count, runLength, steps, heads, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const width = 4 * steps
      const runFloats = Math.ceil(runLength / 4) * 4 * width
      const [q, headWeights, keys] = [randomFloats(arena, random, heads * width), randomFloats(arena, random, heads), randomFloats(arena, random, 7 * runFloats)]
      const runs = arena.allocate(Math.ceil(count / runLength) * 4)
      const begins = arena.u32(runs, Math.ceil(count / runLength))
      begins.set(Array.from(begins, () => keys + Math.floor(random() * 7) * runFloats * 4))
      const scan = (kernels: Kernels, scores: number): void => { kernels.indexScores({ q, headWeights, runs, runLength, count, width, heads, scores }) }
      compare(run(kernels, count, scan), run(reference, count, scan), heads * width * relativeBound(width))
      const expected = arena.f32(q, width).reduce((sum, value, c) => sum + value * (arena.f32(begins[0] ?? 0, runFloats)[(c >> 2) * 16 + (c & 3)] ?? NaN), 0)
      compare(run(kernels, 1, (kernels, scores) => { kernels.indexScores({ q, headWeights, runs, runLength, count: 1, width, heads: 1, scores }) }),
        Float32Array.of(Math.max(expected, 0) * (arena.f32(headWeights, 1)[0] ?? NaN)), width * relativeBound(width))
    })))
  })

  await t.test(`${kernels.name}: the k largest, the first among equals`, async () => {
    const shapes = fc.record({ count: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 3000 })), k: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(64, 512)), levels: fc.constantFrom(1, 3, 50, 1e9), seed: fc.nat() })
    fc.assert(fc.property(shapes, ({ count, k, levels, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const scores = arena.allocate((count + 8) * 4)
      const values = arena.f32(scores, count + 8).fill(Infinity).subarray(0, count)
      values.set(Array.from(values, () => Math.floor((random() - 0.5) * levels)))
      const expected = Array.from(values, (score, index) => ({ score, index })).sort((left, right) => right.score - left.score || left.index - right.index)
        .slice(0, k).map(({ index }) => index).sort((left, right) => left - right)
      for (const chosen of [kernels, reference]) {
        const picks = run(chosen, k, (kernels, out) => { if (kernels.selectTop(scores, count, k, out) !== expected.length) throw new Error('another number') })
        const ids = arena.u32(picks.byteOffset, expected.length)
        if (!expected.every((index, i) => ids[i] === index)) throw new Error(`${chosen.name}: other picks`)
      }
    })))
  })

  await t.test(`${kernels.name}: norm and SwiGLU, in place too`, async () => {
    const shapes = fc.record({ rows: fc.integer({ min: 1, max: 4 }), width: fc.integer({ min: 1, max: 100 }), seed: fc.nat() })
    fc.assert(fc.property(shapes, ({ rows, width, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const x = randomFloats(arena, random, rows * width)
      const up = randomFloats(arena, random, rows * width)
      arena.f32(x, rows * width).forEach((value, i, values) => { values[i] = value * 30 })
      for (const weight of [0, up]) {
        const norm = (kernels: Kernels, y: number) => kernels.rmsNorm(x, weight, y, rows, width, 1e-6)
        compare(run(kernels, rows * width, norm), run(reference, rows * width, norm), 1e-5)
      }
      const gate = (kernels: Kernels, y: number) => kernels.siluMul(x, up, y, rows * width, 0.75, 1.5)
      const expected = run(reference, rows * width, gate)
      compare(run(kernels, rows * width, gate), expected, 1e-6)
      kernels.siluMul(x, up, x, rows * width, 0.75, 1.5)
      compare(arena.f32(x, rows * width), expected, 1e-6)
    })))
  })
}

for (const kernels of fast) {
  await t.test(`${kernels.name}: streams, rotation and sums`, async () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 3 }), n: fc.constantFrom(4, 4, 4, 3), width: fc.integer({ min: 1, max: 40 }), pairs: fc.integer({ min: 1, max: 9 }), isMixing: fc.boolean(), seed: fc.nat()
    })
    fc.assert(fc.property(shapes, ({ rows, n, width, pairs, isMixing, seed }) => inScratch(() => {
      const random = randomNumbers(seed)
      const mixWidth = isMixing ? (2 + n) * n : n
      const [mixed, base, scale] = [randomFloats(arena, random, rows * mixWidth), randomFloats(arena, random, mixWidth), randomFloats(arena, random, 3)]
      const streams = randomFloats(arena, random, rows * n * width)
      const y = randomFloats(arena, random, rows * width)
      arena.f32(mixed, rows * mixWidth).forEach((value, i, values) => { values[i] = value * 8 })
      const collapse = (kernels: Kernels, out: number): void => {
        arena.f32(out, rows * mixWidth).set(arena.f32(mixed, rows * mixWidth))
        kernels.collapseStreams({ mixed: out, mixWidth, base, scale, streams, x: out + rows * mixWidth * 4, rows, n, width, iterations: 20, normEps: 1e-6, eps: 1e-6 })
      }
      const expected = run(reference, rows * (mixWidth + width), collapse)
      compare(run(kernels, rows * (mixWidth + width), collapse), expected, 3e-6)
      const expand = (kernels: Kernels, out: number): void => {
        arena.f32(out, rows * n * width).set(arena.f32(streams, rows * n * width))
        kernels.expandStreams(expected.byteOffset, out, y, rows, n, width)
      }
      if (isMixing) compare(run(kernels, rows * n * width, expand), run(reference, rows * n * width, expand), 1e-6)
      const heads = 1 + seed % 3
      const headWidth = 2 * pairs + seed % 5
      const vectors = randomFloats(arena, random, rows * heads * headWidth)
      const table = randomFloats(arena, random, rows * 4 * pairs)
      for (const direction of [1, -1] as const) {
        const rotate = (kernels: Kernels, out: number): void => {
          arena.f32(out, rows * heads * headWidth).set(arena.f32(vectors, rows * heads * headWidth))
          kernels.rotate(out, table, rows, heads, headWidth, 2 * pairs, direction)
        }
        compare(run(kernels, rows * heads * headWidth, rotate), run(reference, rows * heads * headWidth, rotate), 1e-6)
      }
      const sum = (kernels: Kernels, out: number): void => { kernels.add(y, out, rows * width) }
      compare(run(kernels, rows * width, sum), run(reference, rows * width, sum), 1e-6)
    })))
  })
}

await t.test('operands above 2 GiB', async () => {
  const large = Arena.create()
  large.allocate(3 * 2 ** 30)
  const random = randomNumbers(5)
  for (const name of ['simd', 'relaxed-simd'] as const) {
    const kernels = loadKernels(large, name)
    for (const format of formats) {
      const matrix = randomMatrix(large, random, format, 5, 160)
      const x = randomFloats(large, random, 4 * 160)
      const [expected, actual] = [large.allocate(80), large.allocate(80)]
      loadKernels(large, 'reference').multiply(matrix, x, expected, 4)
      kernels.multiply(matrix, x, actual, 4)
      compare(large.f32(actual, 20), large.f32(expected, 20), format === 'fp4' ? 1e-2 : 1e-4)
    }
  }
})

await t.test('a batch that does not fit the scratch space is refused', async t => {
  const matrix = { format: 'f32', rows: 1, columns: 100_000, weights: 0, scales: 0 } as const
  for (const kernels of fast) t.throws(() => kernels.multiply(matrix, 0, 0, 64), RangeError)
})

await t.test('extreme scores neither overflow nor vanish', async t => {
  const [q, keys, sinks, rowOffsets] = [arena.allocate(4), arena.allocate(8), arena.allocate(4), arena.allocate(8)]
  arena.f32(q, 1).set([1000])
  arena.f32(keys, 2).set([1, -1])
  arena.f32(sinks, 1).set([-Infinity])
  arena.u32(rowOffsets, 2).set([keys, keys + 4])
  for (const kernels of [reference, ...fast]) {
    const out = run(kernels, 1, (kernels, out) => kernels.attend({ q, rowOffsets, count: 2, width: 1, heads: 1, scale: 1, sinks, out }))
    t.same([...out], [1], kernels.name)
  }
})

function compare (actual: Float32Array, expected: Float32Array, bound: number): void {
  const far = actual.findIndex((value, i) => !(Math.abs(value - (expected[i] ?? NaN)) <= bound * Math.max(1, Math.abs(expected[i] ?? NaN))))
  if (far >= 0) throw new Error(`element ${far}: ${actual[far]} instead of ${expected[far]}`)
}
