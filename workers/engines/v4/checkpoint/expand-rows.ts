import { blockWidth, groupWidth } from '../kernels/matrix.js'
import { expandBfloat16 } from '../numerics/bfloat16.js'
import { e2m1Values, e4m3Values, e8m0Values } from '../numerics/minifloat.js'
import { type Checkpoint } from './checkpoint.js'
import { CheckpointError } from './config.js'
import { scaleNameOf } from './inventory.js'
import { type RowRange } from './load-weights.js'

/**
 * The values of some rows of a weight, row-major, with the scales of quantised ones applied (V4 section 8.3). A vector has
 * rows of one value.
 * @param rows of an FP8 weight must begin at a multiple of 128
 * @throws CheckpointError for an unknown name, or a tensor that is no weight
 */
export async function expandRows (checkpoint: Checkpoint, name: string, rows: RowRange): Promise<Float32Array> {
  const tensor = checkpoint.tensors.get(name)
  if (tensor === undefined) throw new CheckpointError(`the checkpoint has no tensor ${name}`)
  const bytes = await readRows(checkpoint, name, rows)
  const width = bytes.length / (rows.end - rows.begin)
  switch (tensor.type) {
    case 'F32': return new Float32Array(bytes.buffer)
    case 'BF16': {
      const values = new Float32Array(bytes.length / 2)
      expandBfloat16(bytes, values)
      return values
    }
    case 'F8_E4M3': return scaleBlocks(bytes, width, await readRows(checkpoint, scaleNameOf(name), { begin: rows.begin / blockWidth, end: Math.ceil(rows.end / blockWidth) }))
    case 'I8':
    case 'U8': return scaleGroups(bytes, await readRows(checkpoint, scaleNameOf(name), rows))
    default: throw new CheckpointError(`${name} is ${tensor.type}, not a weight`)
  }
}

async function readRows (checkpoint: Checkpoint, name: string, rows: RowRange): Promise<Uint8Array<ArrayBuffer>> {
  const { byteLength = 0, shape: [rowCount = 1] = [] } = checkpoint.tensors.get(name) ?? {}
  const bytes = new Uint8Array(byteLength / rowCount * (rows.end - rows.begin))
  await checkpoint.read(name, bytes, rows)
  return bytes
}

/** FP8 with one scale per 128 x 128 block. */
function scaleBlocks (codes: Uint8Array, columns: number, scales: Uint8Array): Float32Array {
  const values = new Float32Array(codes.length)
  const blocks = Math.ceil(columns / blockWidth)
  for (let i = 0; i < codes.length; i++) {
    const scale = scales[Math.floor(i / columns / blockWidth) * blocks + Math.floor(i % columns / blockWidth)] ?? 255
    values[i] = (e4m3Values[codes[i] ?? 0] ?? NaN) * (e8m0Values[scale] ?? NaN)
  }
  return values
}

/** FP4, two codes a byte, with one scale per 32 columns. */
function scaleGroups (codes: Uint8Array, scales: Uint8Array): Float32Array {
  const values = new Float32Array(codes.length * 2)
  for (let i = 0; i < values.length; i++) {
    const code = (codes[i >> 1] ?? 0) >> (i % 2 * 4) & 15
    values[i] = (e2m1Values[code] ?? NaN) * (e8m0Values[scales[Math.floor(i / groupWidth)] ?? 255] ?? NaN)
  }
  return values
}
