import { Arena } from '../../workers/engines/v4/kernels/arena.js'
import { loadKernels } from '../../workers/engines/v4/kernels/load-kernels.js'
import { cpuMsSince, medianOf } from './time-job.js'

const repetitions = 9
/** Of random codes that are repeated, so that filling a gigabyte takes no minute. */
const patternBytes = 2 ** 20

/** Median milliseconds of processor time of one row through a BF16 matrix of that size. */
export function timeHead (rows: number, columns: number): number {
  const arena = Arena.create()
  const kernels = loadKernels(arena)
  const weights = arena.allocate(rows * columns * 2, 64)
  fill(arena.bytes(weights, rows * columns * 2))
  const x = arena.allocate(columns * 4, 64)
  arena.f32(x, columns).fill(0.5)
  const y = arena.allocate(rows * 4, 64)
  const times = Array.from({ length: repetitions }, () => {
    const start = process.cpuUsage()
    kernels.multiply({ format: 'bf16', rows, columns, weights, scales: 0 }, x, y, 1)
    return cpuMsSince(start)
  })
  return medianOf(times)
}

/** BF16 codes of values from 0.5 to 2. */
function fill (bytes: Uint8Array): void {
  for (let i = 0; i < patternBytes; i += 2) {
    bytes[i] = i * 37 & 0xff
    bytes[i + 1] = 0x3f
  }
  for (let done = patternBytes; done < bytes.length; done += patternBytes) bytes.copyWithin(done, 0, Math.min(patternBytes, bytes.length - done))
}
