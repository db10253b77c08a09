import { mkdir, open, writeFile, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckpointInfo, type TensorType } from './checkpoint.js'
import { tensorBytes, writeSafetensorsHeader } from './safetensors.js'

/** One tensor to write; its bytes are asked for when its turn comes, so that one tensor is in memory at a time. */
export interface TensorSource {
  readonly name: string
  readonly type: TensorType
  readonly shape: readonly number[]
  /** The stored bytes, at once or in pieces, or null for zeros (which become a hole in the file). */
  bytes (): Uint8Array | AsyncIterable<Uint8Array> | null
}

export interface CheckpointContents {
  /** The keys of `config.json` as Hugging Face names them. */
  readonly configKeys: Readonly<Record<string, unknown>>
  readonly info?: CheckpointInfo
  /** Tensors of each file; one shard is written as `model.safetensors`. */
  readonly shards: ReadonlyArray<readonly TensorSource[]>
}

/**
 * Writes a checkpoint directory in the official layout.
 * @throws RangeError when a tensor's bytes do not have the size of its type and shape
 */
export async function writeCheckpoint (directory: string, { configKeys, info, shards }: CheckpointContents): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeJson(directory, 'config.json', configKeys)
  if (info !== undefined) await writeJson(directory, 'gearbox.json', info)
  const nameOf = (shard: number): string => shards.length === 1
    ? 'model.safetensors'
    : `model-${fiveDigits(shard + 1)}-of-${fiveDigits(shards.length)}.safetensors`
  for (const [shard, tensors] of shards.entries()) await writeShard(join(directory, nameOf(shard)), tensors)
  const entries = shards.flatMap((tensors, shard) => tensors.map(({ name }) => [name, nameOf(shard)] as const))
  const totalSize = shards.flat().reduce((sum, { type, shape }) => sum + tensorBytes(type, shape), 0)
  await writeJson(directory, 'model.safetensors.index.json', { metadata: { total_size: totalSize }, weight_map: Object.fromEntries(entries) })
}

async function writeShard (path: string, tensors: readonly TensorSource[]): Promise<void> {
  const handle = await open(path, 'w')
  try {
    const header = writeSafetensorsHeader(tensors)
    await handle.writeFile(header)
    let position = header.length
    for (const tensor of tensors) {
      const size = tensorBytes(tensor.type, tensor.shape)
      const bytes = tensor.bytes()
      let written = 0
      for await (const piece of bytes instanceof Uint8Array ? [bytes] : bytes ?? []) {
        await writeFully(handle, piece, position + written)
        written += piece.byteLength
      }
      if (bytes !== null && written !== size) throw new RangeError(`${tensor.name} has ${written} bytes, its shape takes ${size}`)
      position += size
    }
    await handle.truncate(position)
  } finally {
    await handle.close()
  }
}

async function writeFully (handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.byteLength - done, 2 ** 30), position + done)
    done += bytesWritten
  }
}

async function writeJson (directory: string, file: string, value: unknown): Promise<void> {
  await writeFile(join(directory, file), `${JSON.stringify(value, null, 2)}\n`)
}

function fiveDigits (count: number): string {
  return String(count).padStart(5, '0')
}
