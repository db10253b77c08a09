import { type Checkpoint } from '../../v4/checkpoint/checkpoint.js'
import { expandRows } from '../../v4/checkpoint/expand-rows.js'

/**
 * Every value of a weight or table, row-major, with the scales of quantised ones applied.
 * @throws Error for an unknown name
 */
export async function expandTensor (checkpoint: Checkpoint, name: string): Promise<Float32Array> {
  const location = checkpoint.tensors.get(name)
  if (location === undefined) throw new Error(`the checkpoint has no tensor ${name}`)
  const { type, shape: [rowCount = 1], byteLength } = location
  if (type !== 'I32' && type !== 'I64') return await expandRows(checkpoint, name, { begin: 0, end: rowCount })
  const bytes = new Uint8Array(byteLength)
  await checkpoint.read(name, bytes)
  return type === 'I32' ? Float32Array.from(new Int32Array(bytes.buffer)) : Float32Array.from(new BigInt64Array(bytes.buffer), Number)
}
