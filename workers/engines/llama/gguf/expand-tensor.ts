import { type Checkpoint, type TensorLocation } from '../../v4/checkpoint/checkpoint.js'
import { expandBfloat16 } from '../../v4/numerics/bfloat16.js'
import { e2m1Values, e4m3Values, e8m0Values } from '../../v4/numerics/minifloat.js'

/**
 * Every value of a tensor, row-major, with the scales of quantised ones applied (V4 architecture, section 8.3).
 * @throws Error for an unknown name
 */
export async function expandTensor (checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const location = checkpoint.tensors.get(name)
  if (location === undefined) throw new Error(`the checkpoint has no tensor ${name}`)
  const bytes = new Uint8Array(location.byteLength)
  await checkpoint.read(name, bytes)
  const view = new DataView(bytes.buffer)
  switch (location.type) {
    case 'F32': return new Float32Array(bytes.buffer)
    case 'I32': return Float32Array.from(new Int32Array(bytes.buffer))
    case 'I64': return Float32Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(i * 8, true)))
    case 'BF16': {
      const values = new Float32Array(bytes.length / 2)
      expandBfloat16(bytes, values)
      return values
    }
    case 'F8_E4M3': return scaleBlocks(bytes, location, await readScales(checkpoint, name))
    case 'I8':
    case 'U8': return scaleGroups(bytes, await readScales(checkpoint, name))
    case 'F8_E8M0': return Float32Array.from(bytes, code => e8m0Values[code] ?? NaN)
  }
}

async function readScales (checkpoint: Checkpoint, name: string): Promise<{ bytes: Uint8Array, columns: number }> {
  const scaleName = name.replace(/weight$/, 'scale')
  const location = checkpoint.tensors.get(scaleName)
  if (location === undefined) throw new Error(`the checkpoint has no tensor ${scaleName}`)
  const bytes = new Uint8Array(location.byteLength)
  await checkpoint.read(scaleName, bytes)
  return { bytes, columns: location.shape[1] ?? 1 }
}

/** FP8 with one scale per 128 x 128 block. */
function scaleBlocks (codes: Uint8Array, location: TensorLocation, scales: { bytes: Uint8Array, columns: number }): Float32Array {
  const columns = location.shape[1] ?? 1
  return Float32Array.from(codes, (code, i) => {
    const scale = scales.bytes[(Math.floor(i / columns) >> 7) * scales.columns + (i % columns >> 7)] ?? 255
    return (e4m3Values[code] ?? NaN) * (e8m0Values[scale] ?? NaN)
  })
}

/** FP4, two codes a byte, with one scale per 32 columns. */
function scaleGroups (codes: Uint8Array, scales: { bytes: Uint8Array }): Float32Array {
  return Float32Array.from({ length: codes.length * 2 }, (_, i) => {
    const byte = codes[i >> 1] ?? 0
    const code = i & 1 ? byte >> 4 : byte & 15
    return (e2m1Values[code] ?? NaN) * (e8m0Values[scales.bytes[i >> 5] ?? 255] ?? NaN)
  })
}
