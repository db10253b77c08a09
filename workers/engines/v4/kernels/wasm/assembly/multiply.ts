import { dotTwoFp4, fp4ConstantBytes, prepareFp4, roundFp4Input, tileFp4, unpackFp4 } from './fp4'
import { arrangeFp8Input, arrangeFp8Pair, decodeFp8, dotTwoFp8, fp8ConstantBytes, prepareFp8, tileFp8 } from './fp8'
import { loadScale } from './lanes'
import { clearSums, interleave, interleaveInputs, pair, pairBytes, quad, storeSums, storeTotals, sumBytes, tileF32 } from './tile'
import { decodeBf16, dotBf16, dotRowsF32 } from './wide'

const fp4: u32 = 0
const fp8: u32 = 1
const bf16: u32 = 2

/** Below this many inputs rows are not worth decoding to memory. */
const fewInputs: usize = 4
/** A decoded quad of this many columns stays in the first cache level. */
const chunk: usize = 512
/** Constants at the start of the scratch space, which `prepare` writes. */
const constantBytes: usize = fp4ConstantBytes + fp8ConstantBytes

/** To be called once for a scratch space. */
export function prepare (scratch: usize): void {
  prepareFp4(scratch)
  prepareFp8(scratch + fp4ConstantBytes)
}

/** y = W x, or y += W x when `add` is not 0. */
export function multiplyVector (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, y: usize, add: u32, scratch: usize): void {
  if (format == fp4) multiplyFp4(weights, scales, rows, columns, x, y, add, scratch)
  else if (format == fp8) multiplyFp8(weights, scales, rows, columns, x, 0, y, 0, 1, add, scratch)
  else multiplyWide(format, weights, rows, columns, x, 0, y, 0, 1, add)
}

/**
 * Where the rows begin that come after the `together` rows at `row`, or 0 at the end. Rows that are computed together are read
 * side by side, which the processor's own prefetching does not follow; the dot products therefore touch the
 * next ones on the way, in the order in which they lie.
 */
function rowsAhead (weights: usize, bytes: usize, row: usize, together: usize, rows: usize): usize {
  return row + 2 * together <= rows ? weights + (row + together) * bytes : 0
}

/** Row by row, so that a few inputs share what the first one brought into the cache. */
function multiplyWide (format: u32, weights: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, add: u32): void {
  const bytes = format == bf16 ? columns << 1 : columns << 2
  const together: usize = format == bf16 ? 3 : 2
  for (let r: usize = 0; r < rows; r += together) {
    const height = min(together, rows - r)
    let ahead = rowsAhead(weights, bytes, r, together, rows)
    for (let b: usize = 0; b < batch; b++) {
      const input = x + b * xStride
      const target = y + b * yStride + (r << 2)
      if (format == bf16) dotBf16(weights + r * bytes, bytes, height, input, columns, target, add, ahead)
      else dotRowsF32(weights + r * bytes, bytes, height, input, columns, target, add, ahead)
      ahead = 0
    }
  }
}

function multiplyFp4 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, y: usize, add: u32, scratch: usize): void {
  const input = scratch + constantBytes
  const inputScales = input + (columns << 1)
  roundFp4Input(x, columns, input, inputScales, 1)
  const bytes = columns >> 1
  const groups = columns >> 5
  for (let r: usize = 0; r < rows; r += 2) {
    const other = min(r + 1, rows - 1)
    dotTwoFp4(weights + r * bytes, weights + other * bytes, scales + r * groups, scales + other * groups,
      input, inputScales, columns, y + (r << 2), y + (other << 2), add, rowsAhead(weights, bytes, r, 2, rows), scratch)
  }
}

function multiplyFp8 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, add: u32, scratch: usize): void {
  const arranged = scratch + constantBytes
  const inputBytes = ((columns + 15) & ~15) << 2
  for (let b: usize = 0; b < batch; b++) arrangeFp8Input(x + b * xStride, columns, arranged + b * inputBytes)
  const blocks = (columns + 127) >> 7
  for (let r: usize = 0; r < rows; r += 2) {
    const other = min(r + 1, rows - 1)
    let ahead = rowsAhead(weights, columns, r, 2, rows)
    for (let b: usize = 0; b < batch; b++) {
      const target = y + b * yStride
      dotTwoFp8(weights + r * columns, weights + other * columns, scales + (r >> 7) * blocks, scales + (other >> 7) * blocks,
        arranged + b * inputBytes, columns, target + (r << 2), target + (other << 2), add, ahead, scratch + fp4ConstantBytes)
      ahead = 0
    }
  }
}

/** y = W x for `batch` inputs; strides in bytes. Scratch is used for the inputs, a quad of rows and its sums. */
export function multiplyBatch (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  if (format == fp4) multiplyBatchFp4(weights, scales, rows, columns, x, xStride, y, yStride, batch, scratch)
  else if (format == fp8) {
    if (batch < fewInputs) multiplyFp8(weights, scales, rows, columns, x, xStride, y, yStride, batch, 0, scratch)
    else multiplyBatchFp8(weights, scales, rows, columns, x, xStride, y, yStride, batch, scratch)
  } else if (batch < fewInputs) multiplyWide(format, weights, rows, columns, x, xStride, y, yStride, batch, 0)
  else multiplyBatchWide(format, weights, rows, columns, x, xStride, y, yStride, batch, scratch)
}

function multiplyBatchFp4 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  const bytes = columns >> 1
  const groups = columns >> 5
  const sums = scratch + constantBytes
  const unpackedScales = sums + sumBytes
  const unpacked = unpackedScales + groups * quad * 4
  const inputs = unpacked + columns * quad * 2
  const inputBytes = columns << 1
  const inputScales = inputs + (batch + 1) * inputBytes
  for (let b: usize = 0; b < ((batch + 1) & ~1); b++) {
    // Inputs lie in pairs; an odd last one is its own partner.
    const source = x + min(b, batch - 1) * xStride
    roundFp4Input(source, columns, inputs + (b >> 1) * pair * inputBytes + ((b & 1) << 4), inputScales + (b >> 1) * pair * groups * 4 + ((b & 1) << 2), pair)
  }
  for (let r: usize = 0; r < rows; r += quad) {
    const height = min(quad, rows - r)
    for (let i: usize = 0; i < height; i++) {
      unpackFp4(weights + (r + i) * bytes, scales + (r + i) * groups, columns, unpacked + (i << 4), unpackedScales + (i << 2), scratch)
    }
    for (let b: usize = 0; b < batch; b += pair) {
      clearSums(sums)
      tileFp4(unpacked, unpackedScales, inputs + b * inputBytes, inputScales + b * groups * 4, columns, sums)
      storeTotals(sums, height, y + b * yStride + (r << 2), y + min(b + 1, batch - 1) * yStride + (r << 2))
    }
  }
}

function multiplyBatchFp8 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  const blocks = (columns + 127) >> 7
  const sums = scratch + constantBytes
  const totals = sums + 2 * sumBytes
  const decoded = totals + (batch + 1 >> 1) * sumBytes
  const inputs = decoded + chunk * quad * 4
  const inputBytes = ((columns + 15) & ~15) << 2
  for (let b: usize = 0; b < ((batch + 1) & ~1); b++) {
    arrangeFp8Pair(x + min(b, batch - 1) * xStride, columns, inputs + (b >> 1) * pair * inputBytes + ((b & 1) << 4))
  }
  for (let r: usize = 0; r < rows; r += quad) {
    const height = min(quad, rows - r)
    memory.fill(totals, 0, (batch + 1 >> 1) * sumBytes)
    for (let c: usize = 0; c < columns; c += 128) {
      const width = min<usize>(128, columns - c)
      const groups = width + 15 >> 4
      const scale = loadScale(scales + (r >> 7) * blocks + (c >> 7))
      for (let i: usize = 0; i < height; i++) decodeFp8(weights + (r + i) * columns + c, width, decoded + (i << 4), scratch + fp4ConstantBytes)
      for (let b: usize = 0; b < batch; b += pair) tileFp8(decoded, inputs + b * inputBytes + (c << 3), groups, scale, totals + (b >> 1) * sumBytes, sums)
    }
    for (let b: usize = 0; b < batch; b += pair) {
      storeTotals(totals + (b >> 1) * sumBytes, height, y + b * yStride + (r << 2), y + min(b + 1, batch - 1) * yStride + (r << 2))
    }
  }
}

function multiplyBatchWide (format: u32, weights: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  const shift: usize = format == bf16 ? 1 : 2
  const bytes = columns << shift
  const sums = scratch + constantBytes
  const allSumBytes = (batch + 1 >> 1) * 2 * sumBytes
  const decoded = sums + allSumBytes
  const decodedOdd = decoded + chunk * quad * 2
  const inputs = decoded + chunk * quad * 4
  const inputBytes = pairBytes(columns)
  interleaveInputs(x, xStride, batch, columns, inputs)
  for (let r: usize = 0; r < rows; r += quad) {
    const height = min(quad, rows - r)
    memory.fill(sums, 0, allSumBytes)
    for (let c: usize = 0; c < columns; c += chunk) {
      const width = min(chunk, columns - c)
      for (let i: usize = 0; i < height; i++) {
        const row = weights + (r + i) * bytes + (c << shift)
        if (format == bf16) decodeBf16(row, width, decoded + (i << 4), decodedOdd + (i << 4))
        else interleave(row, width, decoded + (i << 4), decodedOdd + (i << 4), quad << 4)
      }
      const steps = (width + 3) >> 2
      for (let b: usize = 0; b < batch; b += pair) {
        const input = inputs + (b >> 1) * inputBytes + (c << 2)
        const even = sums + b * sumBytes
        tileF32(decoded, input, steps + 1 >> 1, even)
        tileF32(decodedOdd, input + (inputBytes >> 1), steps >> 1, even + sumBytes)
      }
    }
    for (let b: usize = 0; b < batch; b += pair) {
      const even = sums + b * sumBytes
      storeSums(even, even + sumBytes, height, y + b * yStride + (r << 2), y + min(b + 1, batch - 1) * yStride + (r << 2))
    }
  }
}
