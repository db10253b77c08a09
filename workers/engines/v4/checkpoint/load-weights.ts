import { type Arena } from '../kernels/arena.js'
import { blockWidth, type Matrix, type MatrixFormat, scaleBytes } from '../kernels/matrix.js'
import { expandBfloat16 } from '../numerics/bfloat16.js'
import { type Checkpoint, type TensorLocation } from './checkpoint.js'
import { CheckpointError } from './config.js'
import { scaleNameOf } from './inventory.js'

/** Rows that a rank wants, [begin, end). */
export interface RowRange {
  readonly begin: number
  readonly end: number
}

/** Rows of a larger matrix. */
export interface MatrixPiece {
  readonly matrix: Matrix
  /** Of the whole matrix. */
  readonly firstRow: number
}

/** Weight rows begin on cache lines. */
const matrixAlignment = 64
const e8m0NaN = 255

/**
 * Copies a 2-D weight (and its scales) into an arena as stored.
 * @param name with the suffix, e.g. `layers.0.attn.wq_a.weight`
 * @param rows only these; for FP8 they must begin at a multiple of 128, or end in the block where they begin
 */
export async function loadMatrix (checkpoint: Checkpoint, arena: Arena, name: string, rows?: RowRange): Promise<Matrix> {
  const tensor = locate(checkpoint, name)
  const [rowCount = 0, storedColumns = 0] = tensor.shape
  const format = formatOf(tensor)
  const { begin, end } = rows ?? { begin: 0, end: rowCount }
  const weights = await loadRows(checkpoint, arena, name, { begin, end })
  const matrix = { format, rows: end - begin, columns: format === 'fp4' ? storedColumns * 2 : storedColumns, weights, scales: 0 }
  if (format !== 'fp4' && format !== 'fp8') return matrix
  const height = format === 'fp4' ? 1 : blockWidth
  if (begin % height !== 0 && end > Math.ceil(begin / height) * height) throw new CheckpointError(`${name}: rows must begin at a multiple of ${height}, not ${begin}`)
  const scales = await loadRows(checkpoint, arena, scaleNameOf(name), { begin: Math.floor(begin / height), end: Math.ceil(end / height) })
  if (arena.bytes(scales, scaleBytes(format, matrix.rows, matrix.columns)).includes(e8m0NaN)) throw new CheckpointError(`${scaleNameOf(name)} holds a NaN`)
  return { ...matrix, scales }
}

/**
 * The same for any rows of a matrix, cut where an FP8 scale block ends within them, and at multiples of `cutRows`.
 * @returns pieces in order, none when there are no rows
 */
export async function loadPieces (checkpoint: Checkpoint, arena: Arena, name: string, { begin, end }: RowRange, cutRows = Infinity): Promise<MatrixPiece[]> {
  const isBlocked = formatOf(locate(checkpoint, name)) === 'fp8'
  const pieces: MatrixPiece[] = []
  for (let row = begin; row < end;) {
    const blockEnd = isBlocked && row % blockWidth !== 0 ? Math.ceil(row / blockWidth) * blockWidth : Infinity
    const next = Math.min(end, blockEnd, (Math.floor(row / cutRows) + 1) * cutRows)
    pieces.push({ matrix: await loadMatrix(checkpoint, arena, name, { begin: row, end: next }), firstRow: row })
    row = next
  }
  return pieces
}

/** Loads a BF16 or F32 tensor as f32 values and returns their offset. Meant for small tensors: norms, sinks, mixing. */
export async function loadFloats (checkpoint: Checkpoint, arena: Arena, name: string): Promise<number> {
  const tensor = locate(checkpoint, name)
  if (tensor.type === 'F32') return await loadRows(checkpoint, arena, name, { begin: 0, end: tensor.shape[0] ?? 1 })
  if (tensor.type !== 'BF16') throw new CheckpointError(`${name} is ${tensor.type}, not a float tensor`)
  const codes = new Uint8Array(tensor.byteLength)
  await checkpoint.read(name, codes)
  const offset = arena.allocate(codes.length * 2, matrixAlignment)
  expandBfloat16(codes, arena.f32(offset, codes.length / 2))
  return offset
}

/**
 * Loads the I64 or I32 table of a hash layer.
 * @throws CheckpointError when an entry is not an expert index
 */
export async function loadExpertTable (checkpoint: Checkpoint, name: string): Promise<Int32Array> {
  const tensor = locate(checkpoint, name)
  const bytes = new Uint8Array(tensor.byteLength)
  await checkpoint.read(name, bytes)
  const table = tensor.type === 'I64' ? Int32Array.from(new BigInt64Array(bytes.buffer), Number) : new Int32Array(bytes.buffer)
  const stranger = table.find(expert => expert < 0 || expert >= checkpoint.config.expertCount)
  if (stranger !== undefined) throw new CheckpointError(`${name}: expert ${stranger} of ${checkpoint.config.expertCount}`)
  return table
}

async function loadRows (checkpoint: Checkpoint, arena: Arena, name: string, rows: RowRange): Promise<number> {
  const tensor = locate(checkpoint, name)
  const bytes = tensor.byteLength / (tensor.shape[0] ?? 1) * (rows.end - rows.begin)
  const offset = arena.allocate(bytes, matrixAlignment)
  await checkpoint.read(name, arena.bytes(offset, bytes), rows)
  return offset
}

function locate (checkpoint: Checkpoint, name: string): TensorLocation {
  const tensor = checkpoint.tensors.get(name)
  if (tensor === undefined) throw new CheckpointError(`the checkpoint has no tensor ${name}`)
  return tensor
}

function formatOf ({ type, name }: TensorLocation): MatrixFormat {
  switch (type) {
    case 'I8':
    case 'U8': return 'fp4'
    case 'F8_E4M3': return 'fp8'
    case 'BF16': return 'bf16'
    case 'F32': return 'f32'
    default: throw new CheckpointError(`${name} is ${type}, not a matrix of weights`)
  }
}
