/**
 * How fast the V4 kernels of this machine are, one thread: products by format and batch, attention, indexer.
 *
 *   npm run build && node dist/benchmarks/kernels/kernels.js [rows] [columns]
 *
 * GFLOP/s count 2 per weight and input. The best of many short runs is shown, since other work on the machine
 * only ever slows a run down. Relaxed SIMD is included where V8 has it; on Node 20 add
 * `--experimental-wasm-relaxed-simd`.
 */
import { Arena } from '../../workers/engines/v4/kernels/arena.js'
import { type Kernels } from '../../workers/engines/v4/kernels/kernels.js'
import { loadKernels } from '../../workers/engines/v4/kernels/load-kernels.js'
import { type Matrix, type MatrixFormat, rowBytes, scaleBytes } from '../../workers/engines/v4/kernels/matrix.js'

const formats: readonly MatrixFormat[] = ['fp4', 'fp8', 'bf16', 'f32']
const batches = [1, 2, 4, 16, 64]
const measureMs = 300

const [rows = 1024, columns = 1024] = process.argv.slice(2).map(Number)
const arena = Arena.create()

function floats (count: number): number {
  const offset = arena.allocate(count * 4)
  arena.f32(offset, count).forEach((_, i, values) => { values[i] = Math.sin(i) })
  return offset
}

/** Codes between 2^-5 and 448: like trained weights, hardly any subnormals. */
function matrixOf (format: MatrixFormat): Matrix {
  const bytes = rows * rowBytes(format, columns)
  const weights = arena.allocate(bytes, 64)
  const scales = arena.allocate(scaleBytes(format, rows, columns), 64)
  arena.bytes(scales, scaleBytes(format, rows, columns)).fill(120)
  const codes = arena.bytes(weights, bytes)
  if (format === 'f32') arena.f32(weights, bytes / 4).forEach((_, i, values) => { values[i] = Math.cos(i) })
  else if (format === 'bf16') arena.u16(weights, bytes / 2).forEach((_, i, values) => { values[i] = 0x3f00 + i * 37 % 256 })
  else codes.forEach((_, i) => { codes[i] = format === 'fp4' ? i * 89 : (i & 0x80) | (24 + i * 37 % 100) })
  return { format, rows, columns, weights, scales }
}

/** Billions of operations a second in the best run. */
function rate (operations: number, run: () => void): number {
  const turns = Math.max(1, Math.round(2e6 / operations))
  let best = Infinity
  const end = performance.now() + measureMs
  do {
    const start = performance.now()
    for (let i = 0; i < turns; i++) run()
    best = Math.min(best, (performance.now() - start) / turns)
  } while (performance.now() < end)
  return operations / best / 1e6
}

function report (label: string, values: ReadonlyArray<readonly [string, number]>): void {
  process.stdout.write(`${label.padEnd(24)}${values.map(([name, value]) => `${name} ${value.toFixed(1).padStart(5)}`).join('   ')}\n`)
}

function available (): Kernels[] {
  return (['simd', 'relaxed-simd'] as const).flatMap(name => {
    try {
      return [loadKernels(arena, name)]
    } catch {
      return []
    }
  })
}

const x = floats(columns * 64)
const y = floats(rows * 64)
const matrices = formats.map(matrixOf)
const [heads, width, keys] = [64, 512, 640]
const q = floats(heads * width)
const pool = floats(keys * width)
const rowOffsets = arena.allocate(keys * 4)
arena.u32(rowOffsets, keys).forEach((_, k, offsets) => { offsets[k] = pool + k * width * 4 })
const sinks = floats(heads)
const out = floats(heads * width)

for (const kernels of available()) {
  process.stdout.write(`\n${kernels.name}, ${rows} x ${columns}, GFLOP/s\n`)
  for (const matrix of matrices) {
    report(matrix.format, batches.map(batch => [`b${batch}`, rate(2 * rows * columns * batch, () => { kernels.multiply(matrix, x, y, batch) })]))
  }
  report(`attend ${heads}x${width}, ${keys} keys`, [['', rate(4 * heads * width * keys, () => { kernels.attend({ q, rowOffsets, count: keys, width, heads, scale: 0.04, sinks, out }) })]])
  report('index scores 64x128', [['', rate(2 * 64 * 128 * keys, () => { kernels.indexScores({ q, headWeights: sinks, runs: rowOffsets, runLength: keys, count: keys, width: 128, heads: 64, scores: out }) })]])
}
