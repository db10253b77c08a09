/** A wide checkpoint in the layout of the releases, tensor by tensor, so that only a few rows are in memory at a time. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { blockWidth } from '../kernels/matrix.js'
import { encodeBfloat16 } from '../numerics/bfloat16.js'
import { type Checkpoint, type CheckpointInfo, type TensorLocation } from './checkpoint.js'
import { CheckpointError } from './config.js'
import { expandRows } from './expand-rows.js'
import { expectedTensors, scaleNameOf, type TensorForm } from './inventory.js'
import { openCheckpoint } from './open-checkpoint.js'
import { quantiseFp4Rows, quantiseFp8Rows, type QuantisedRows } from './quantise-rows.js'
import { type TensorSource, writeCheckpoint } from './write-checkpoint.js'

/** Of the routed experts: E2M1 as in the releases, or E4M3 as in their Base checkpoints. The other linears are E4M3 in both. */
export type ExpertBits = 4 | 8

export interface QuantiseRequest {
  readonly bits: ExpertBits
  /** For gearbox.json. */
  readonly info: CheckpointInfo
  readonly onProgress?: (progress: QuantiseProgress) => void
}

/** Told when a tensor is begun. */
export interface QuantiseProgress {
  readonly name: string
  /** Tensors before it, scales not counted. */
  readonly done: number
  readonly total: number
}

/** What one read of a tensor may bring, in values. */
const STRIP_VALUES = 2 ** 20

/**
 * Reads the checkpoint of one directory and writes another: FP4 experts (or FP8, with 8 bits), FP8 linears, BF16 and F32 for
 * the rest, in as many files. What is quantised already keeps its values. A drafter (`mtp.*`) is left out.
 * @throws CheckpointError for a checkpoint that does not fit its config, or weights that are not finite
 */
export async function quantiseCheckpoint (sourceDirectory: string, directory: string, request: QuantiseRequest): Promise<void> {
  const source = await openCheckpoint(sourceDirectory)
  try {
    await writeCheckpoint(directory, {
      configKeys: configKeysOf(await readFile(join(sourceDirectory, 'config.json'), 'utf8'), request.bits),
      info: request.info,
      shards: shardsOf(source, request)
    })
  } finally {
    await source.close()
  }
}

/** The keys of the source, and those by which others (and people) see how the weights are stored. */
function configKeysOf (text: string, bits: ExpertBits): Record<string, unknown> {
  return {
    ...JSON.parse(text) as Record<string, unknown>,
    num_nextn_predict_layers: 0,
    torch_dtype: 'bfloat16',
    expert_dtype: bits === 4 ? 'fp4' : 'fp8',
    quantization_config: { quant_method: 'fp8', fmt: 'e4m3', scale_fmt: 'ue8m0', weight_block_size: [blockWidth, blockWidth], activation_scheme: 'dynamic' }
  }
}

/** One file for each of the source. */
function shardsOf (source: Checkpoint, { bits, onProgress }: QuantiseRequest): TensorSource[][] {
  const expected = expectedTensors(source.config)
  const shards = new Map<string, TensorSource[]>()
  for (const [done, { name, forms }] of expected.entries()) {
    const tensor = source.tensors.get(name)
    const form = forms.find(({ type }) => bits === 4 || (type !== 'I8' && type !== 'U8'))
    if (tensor === undefined || form === undefined) throw new CheckpointError(`the checkpoint has no tensor ${name}`)
    const shard = shards.get(tensor.file) ?? []
    shards.set(tensor.file, shard)
    shard.push(...sourcesOf(source, tensor, form, () => { onProgress?.({ name, done, total: expected.length }) }))
  }
  return [...shards.values()]
}

function sourcesOf (source: Checkpoint, tensor: TensorLocation, form: TensorForm, begin: () => void): TensorSource[] {
  const { name } = tensor
  const { scaleShape } = form
  if (scaleShape === undefined) {
    // A table is kept as it is; I64 and I32 are read alike.
    const isTable = tensor.type === 'I64' || tensor.type === 'I32'
    const isKept = isTable || tensor.type === form.type
    return [{ name, type: isTable ? tensor.type : form.type, shape: form.shape, bytes: () => streamRows(source, tensor, begin, isKept ? null : widen(form)) }]
  }
  const scales: Uint8Array[] = []
  const quantise = form.type === 'F8_E4M3' ? quantiseFp8Rows : quantiseFp4Rows
  const codes = (values: Float32Array, columns: number): Uint8Array => {
    const quantised: QuantisedRows = quantise(values, columns)
    scales.push(quantised.scales)
    return quantised.codes
  }
  return [
    { name, type: form.type, shape: form.shape, bytes: () => streamRows(source, tensor, begin, codes) },
    // Written after its weight, which is when the scales are known.
    { name: scaleNameOf(name), type: 'F8_E8M0', shape: scaleShape, bytes: () => Buffer.concat(scales.splice(0)) }
  ]
}

type RowEncoder = (values: Float32Array, columns: number) => Uint8Array

function widen ({ type }: TensorForm): RowEncoder {
  return type === 'F32' ? bytesOf : values => bytesOf(Uint16Array.from(values, encodeBfloat16))
}

/** @param encode null copies what is stored */
async function * streamRows (source: Checkpoint, { name, shape, byteLength }: TensorLocation, begin: () => void, encode: RowEncoder | null): AsyncGenerator<Uint8Array, void, undefined> {
  begin()
  const [rowCount = 1] = shape
  const columns = columnsOf(source, name)
  const step = Math.max(1, Math.floor(STRIP_VALUES / columns / blockWidth)) * blockWidth
  for (let first = 0; first < rowCount; first += step) {
    const rows = { begin: first, end: Math.min(first + step, rowCount) }
    if (encode === null) {
      const bytes = new Uint8Array(byteLength / rowCount * (rows.end - rows.begin))
      await source.read(name, bytes, rows)
      yield bytes
      continue
    }
    const values = await expandRows(source, name, rows)
    const strange = values.findIndex(value => !Number.isFinite(value))
    if (strange >= 0) throw new CheckpointError(`${name}: ${values[strange]} in row ${first + Math.floor(strange / columns)}, column ${strange % columns}`)
    yield encode(values, columns)
  }
}

/** Values in a row, which FP4 packs in pairs. */
function columnsOf (source: Checkpoint, name: string): number {
  const { shape = [], type } = source.tensors.get(name) ?? {}
  return (shape[1] ?? 1) * (type === 'I8' || type === 'U8' ? 2 : 1)
}

function bytesOf (values: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
