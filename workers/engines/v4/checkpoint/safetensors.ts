import { type FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { type TensorLocation, type TensorType } from './checkpoint.js'
import { CheckpointError } from './config.js'

const bytesPerElement: Readonly<Record<TensorType, number>> = { BF16: 2, F32: 4, F8_E4M3: 1, F8_E8M0: 1, I8: 1, U8: 1, I64: 8, I32: 4 }
const tensorTypes = Object.keys(bytesPerElement) as [TensorType, ...TensorType[]]
const lengthBytes = 8
/** Pro's largest shard needs under 1 MiB; the limit keeps a corrupt length from allocating gigabytes. */
const maximumHeaderBytes = 100 * 2 ** 20

const entrySchema = z.object({
  dtype: z.enum(tensorTypes),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()])
})
const headerSchema = z.record(z.string(), z.unknown())

/** Bytes of a tensor of that type and shape. */
export function tensorBytes (type: TensorType, shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, bytesPerElement[type])
}

/**
 * Reads the header of one safetensors file; tensor data is not touched.
 * @param file name for messages and for the locations
 * @throws CheckpointError when the header is malformed, or when the tensors do not fill the file exactly
 */
export async function readSafetensorsHeader (handle: FileHandle, file: string): Promise<TensorLocation[]> {
  const { size } = await handle.stat()
  const headerBytes = await readHeaderLength(handle, file, size)
  const text = await readExactly(handle, lengthBytes, headerBytes, file)
  const dataStart = lengthBytes + headerBytes
  const locations = Object.entries(parseHeader(text.toString('utf8'), file))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => locate(name, entry, file, dataStart))
  assertFilled(locations, file, dataStart, size)
  return locations
}

/** The bytes of a safetensors header, length prefix included, padded so that data begins 8-byte aligned. */
export function writeSafetensorsHeader (tensors: ReadonlyArray<{ name: string, type: TensorType, shape: readonly number[] }>): Buffer {
  let offset = 0
  const entries = tensors.map(({ name, type, shape }) => {
    const begin = offset
    offset += tensorBytes(type, shape)
    return [name, { dtype: type, shape, data_offsets: [begin, offset] }] as const
  })
  const json = JSON.stringify(Object.fromEntries([['__metadata__', { format: 'pt' }], ...entries]))
  const text = Buffer.from(json)
  const padded = Math.ceil(text.length / 8) * 8
  const header = Buffer.alloc(lengthBytes + padded, ' ')
  header.writeBigUInt64LE(BigInt(padded))
  text.copy(header, lengthBytes)
  return header
}

/** Reads `count` bytes at `position`. @throws CheckpointError when the file ends before them */
async function readExactly (handle: FileHandle, position: number, count: number, file: string): Promise<Buffer> {
  const buffer = Buffer.alloc(count)
  const { bytesRead } = await handle.read(buffer, 0, count, position)
  if (bytesRead !== count) throw new CheckpointError(`${file}: the file is truncated`)
  return buffer
}

async function readHeaderLength (handle: FileHandle, file: string, size: number): Promise<number> {
  const length = Number((await readExactly(handle, 0, lengthBytes, file)).readBigUInt64LE())
  if (length < 2 || length > maximumHeaderBytes || lengthBytes + length > size) throw new CheckpointError(`${file}: not a safetensors file (header of ${length} bytes)`)
  return length
}

function parseHeader (text: string, file: string): Record<string, unknown> {
  try {
    return headerSchema.parse(JSON.parse(text))
  } catch {
    throw new CheckpointError(`${file}: the header is not a JSON object`)
  }
}

function locate (name: string, entry: unknown, file: string, dataStart: number): TensorLocation {
  const outcome = entrySchema.safeParse(entry)
  if (!outcome.success) {
    throw new CheckpointError(`${file}: ${name}: ${outcome.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`)
  }
  const { dtype: type, shape, data_offsets: [begin, end] } = outcome.data
  const byteLength = tensorBytes(type, shape)
  if (end - begin !== byteLength) throw new CheckpointError(`${file}: ${name}: ${end - begin} bytes, but ${type} [${shape.join(', ')}] takes ${byteLength}`)
  return { name, type, shape, byteLength, file, position: dataStart + begin }
}

/** The format requires tensors to follow one another from the first data byte to the last byte of the file. */
function assertFilled (locations: readonly TensorLocation[], file: string, dataStart: number, size: number): void {
  let reached = dataStart
  for (const { name, position, byteLength } of locations.toSorted((a, b) => a.position - b.position || a.byteLength - b.byteLength)) {
    if (position < reached) throw new CheckpointError(`${file}: ${name} overlaps the tensor before it`)
    if (position > reached) throw new CheckpointError(`${file}: ${position - reached} unused bytes before ${name}`)
    reached = position + byteLength
  }
  if (reached > size) throw new CheckpointError(`${file}: the file is truncated: ${size} bytes, its tensors end at ${reached}`)
  if (reached < size) throw new CheckpointError(`${file}: ${size - reached} unused bytes after the last tensor`)
}
