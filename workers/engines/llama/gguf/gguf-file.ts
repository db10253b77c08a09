/**
 * Writes GGUF version 3: a header of typed keys, a table of tensors, then their data, each aligned to 32 bytes.
 *
 * Tensor data is asked for one tensor at a time when the file is written, so that a large checkpoint never sits
 * in memory whole. Dimensions are given as in the checkpoint (rows first) and written the GGUF way (columns first).
 */
import { open } from 'node:fs/promises'

/** GGML's numbers for the tensor types used here. */
const tensorTypes = { f32: 0, f16: 1, q8_0: 8, i32: 26, bf16: 30, mxfp4: 39 } as const
export type GgufTensorType = keyof typeof tensorTypes

/** [elements, bytes] of one block of each type. */
const blocks: Record<GgufTensorType, readonly [number, number]> = {
  f32: [1, 4], f16: [1, 2], bf16: [1, 2], i32: [1, 4], q8_0: [32, 34], mxfp4: [32, 17]
}

export interface GgufTensor {
  name: string
  shape: readonly number[]
  type: GgufTensorType
  /** Bytes in the file's layout; called once, while writing. */
  data: () => Promise<Uint8Array>
}

export type GgufValue =
  | { kind: 'u32', value: number }
  | { kind: 'f32', value: number }
  | { kind: 'bool', value: boolean }
  | { kind: 'string', value: string }
  | { kind: 'strings', value: readonly string[] }
  | { kind: 'u32s' | 'i32s' | 'f32s', value: readonly number[] }

const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const
const alignment = 32

export function tensorBytes (type: GgufTensorType, shape: readonly number[]): number {
  const [elements, bytes] = blocks[type]
  return shape.reduce((product, size) => product * size, 1) / elements * bytes
}

/** @throws RangeError when a tensor's data has another length than its type and shape say */
export async function writeGguf (path: string, keys: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Promise<void> {
  const file = await open(path, 'w')
  try {
    const header = buildHeader(keys, tensors)
    await file.writev([header, new Uint8Array(padding(header.length))])
    for (const tensor of tensors) {
      const bytes = await tensor.data()
      const expected = tensorBytes(tensor.type, tensor.shape)
      if (bytes.length !== expected) throw new RangeError(`${tensor.name}: ${bytes.length} bytes of data, ${expected} expected`)
      await file.writev([bytes, new Uint8Array(padding(bytes.length))])
    }
  } finally {
    await file.close()
  }
}

function padding (length: number): number {
  return (alignment - length % alignment) % alignment
}

function buildHeader (keys: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Buffer {
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(keys.size)]
  for (const [key, value] of keys) parts.push(text(key), ...encodeValue(value))
  let offset = 0
  for (const { name, shape, type } of tensors) {
    parts.push(text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(tensorTypes[type]), u64(offset))
    const bytes = tensorBytes(type, shape)
    offset += bytes + padding(bytes)
  }
  return Buffer.concat(parts)
}

function encodeValue (entry: GgufValue): Buffer[] {
  switch (entry.kind) {
    case 'u32': return [u32(valueTypes.u32), u32(entry.value)]
    case 'f32': return [u32(valueTypes.f32), f32(entry.value)]
    case 'bool': return [u32(valueTypes.bool), Buffer.of(entry.value ? 1 : 0)]
    case 'string': return [u32(valueTypes.string), text(entry.value)]
    case 'strings': return [u32(valueTypes.array), u32(valueTypes.string), u64(entry.value.length), ...entry.value.map(text)]
    case 'u32s': return [u32(valueTypes.array), u32(valueTypes.u32), u64(entry.value.length), ...entry.value.map(u32)]
    case 'i32s': return [u32(valueTypes.array), u32(valueTypes.i32), u64(entry.value.length), ...entry.value.map(i32)]
    case 'f32s': return [u32(valueTypes.array), u32(valueTypes.f32), u64(entry.value.length), ...entry.value.map(f32)]
  }
}

function u32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function i32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function f32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

function u64 (value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function text (value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}
