/** A checkpoint with every weight widened, as one has it before it is quantised. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TensorLocation } from '../../../../../workers/engines/v4/checkpoint/checkpoint.js'
import { expandRows } from '../../../../../workers/engines/v4/checkpoint/expand-rows.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type TensorSource, writeCheckpoint } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { encodeBfloat16 } from '../../../../../workers/engines/v4/numerics/bfloat16.js'

/** @param change of every value of a weight, before it is rounded to the type */
export async function writeWide (source: string, directory: string, type: 'BF16' | 'F32', change: (value: number, index: number) => number = value => value): Promise<void> {
  const checkpoint = await openCheckpoint(source)
  const tensors: TensorSource[] = []
  for (const location of checkpoint.tensors.values()) {
    if (location.type === 'F8_E8M0') continue
    const { name } = location
    const isTable = location.type === 'I64'
    const bytes = new Uint8Array(location.byteLength)
    if (isTable) await checkpoint.read(name, bytes)
    const values = isTable ? new Float32Array(0) : (await expandRows(checkpoint, name, { begin: 0, end: location.shape[0] ?? 1 })).map(change)
    tensors.push({
      name,
      type: isTable ? 'I64' : type,
      shape: wideShape(location),
      bytes: () => isTable ? bytes : new Uint8Array(type === 'F32' ? values.buffer : Uint16Array.from(values, encodeBfloat16).buffer)
    })
  }
  await checkpoint.close()
  const half = Math.floor(tensors.length / 2)
  await writeCheckpoint(directory, {
    configKeys: JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as Record<string, unknown>,
    ...(checkpoint.info === null ? {} : { info: checkpoint.info }),
    shards: [tensors.slice(0, half), tensors.slice(half)]
  })
}

function wideShape ({ type, shape }: TensorLocation): number[] {
  return shape.map((axis, i) => type === 'I8' && i === 1 ? axis * 2 : axis)
}
