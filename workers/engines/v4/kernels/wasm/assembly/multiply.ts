import { dotTwoFp4, fp4ConstantBytes, prepareFp4, roundFp4Input, tileFp4, unpackFp4 } from './fp4'
import { arrangeFp8Input, decodeFp8, dotTwoFp8, prepareFp8 } from './fp8'
import { addSums, interleave, interleaveInputs, pair, quad, sumBytes, tileF32 } from './tile'
import { decodeBf16, dotBf16, dotF32, dotThreeBf16, put } from './wide'

const fp4: u32 = 0
const fp8: u32 = 1
const bf16: u32 = 2

/** Below this many inputs rows are not worth decoding to memory. */
const fewInputs: usize = 4
/** A decoded quad of this many columns stays in the first cache level. */
const chunk: usize = 512
/** Constants at the start of the scratch space, which `prepare` writes. */
const constantBytes: usize = fp4ConstantBytes + 16

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

/** Row by row, so that a few inputs share what the first one brought into the cache. */
function multiplyWide (format: u32, weights: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, add: u32): void {
  const bytes = format == bf16 ? columns << 1 : columns << 2
  let r: usize = 0
  if (format == bf16) {
    for (; r + 3 <= rows; r += 3) {
      for (let b: usize = 0; b < batch; b++) dotThreeBf16(weights + r * bytes, bytes, x + b * xStride, columns, y + b * yStride + (r << 2), add)
    }
  }
  for (; r < rows; r++) {
    for (let b: usize = 0; b < batch; b++) {
      const input = x + b * xStride
      put(y + b * yStride + (r << 2), format == bf16 ? dotBf16(weights + r * bytes, input, columns) : dotF32(weights + r * bytes, input, columns), add)
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
      input, inputScales, columns, y + (r << 2), y + (other << 2), add, scratch)
  }
}

function multiplyFp8 (weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, add: u32, scratch: usize): void {
  const arranged = scratch + constantBytes
  for (let b: usize = 0; b < batch; b++) arrangeFp8Input(x + b * xStride, columns, arranged + b * (columns << 2))
  const blocks = (columns + 127) >> 7
  for (let r: usize = 0; r < rows; r += 2) {
    const other = min(r + 1, rows - 1)
    for (let b: usize = 0; b < batch; b++) {
      const target = y + b * yStride
      dotTwoFp8(weights + r * columns, weights + other * columns, scales + (r >> 7) * blocks, scales + (other >> 7) * blocks,
        arranged + b * (columns << 2), x + b * xStride, columns, target + (r << 2), target + (other << 2), add, scratch + fp4ConstantBytes)
    }
  }
}

/** y = W x for `batch` inputs; strides in bytes. Scratch is used for the inputs, a quad of rows and its sums. */
export function multiplyBatch (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  if (batch < fewInputs && format != fp4) {
    if (format == fp8) multiplyFp8(weights, scales, rows, columns, x, xStride, y, yStride, batch, 0, scratch)
    else multiplyWide(format, weights, rows, columns, x, xStride, y, yStride, batch, 0)
    return
  }
  for (let b: usize = 0; b < batch; b++) memory.fill(y + b * yStride, 0, rows << 2)
  if (format == fp4) multiplyBatchFp4(weights, scales, rows, columns, x, xStride, y, yStride, batch, scratch)
  else multiplyBatchF32(format, weights, scales, rows, columns, x, xStride, y, yStride, batch, scratch)
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
  for (let b: usize = 0; b <= batch; b++) {
    // Inputs lie in pairs; an odd last one is its own partner.
    if (b == batch && !(batch & 1)) break
    const source = x + min(b, batch - 1) * xStride
    roundFp4Input(source, columns, inputs + (b >> 1) * pair * inputBytes + ((b & 1) << 4), inputScales + (b >> 1) * pair * groups * 4 + ((b & 1) << 2), pair)
  }
  for (let r: usize = 0; r < rows; r += quad) {
    const height = min(quad, rows - r)
    for (let i: usize = 0; i < height; i++) {
      unpackFp4(weights + (r + i) * bytes, scales + (r + i) * groups, columns, unpacked + (i << 4), unpackedScales + (i << 2), scratch)
    }
    for (let b: usize = 0; b < batch; b += pair) {
      memory.fill(sums, 0, sumBytes)
      tileFp4(unpacked, unpackedScales, inputs + b * inputBytes, inputScales + b * groups * 4, columns, sums)
      addSums(sums, height, y + b * yStride + (r << 2), y + min(b + 1, batch - 1) * yStride + (r << 2))
    }
  }
}

function multiplyBatchF32 (format: u32, weights: usize, scales: usize, rows: usize, columns: usize, x: usize, xStride: usize, y: usize, yStride: usize, batch: usize, scratch: usize): void {
  const shift: usize = format == fp8 ? 0 : format == bf16 ? 1 : 2
  const bytes = columns << shift
  const blocks = (columns + 127) >> 7
  const sums = scratch + constantBytes
  const decoded = sums + sumBytes
  const inputs = decoded + chunk * quad * 4
  const inputBytes = ((columns + 3) & ~3) << 2
  interleaveInputs(x, xStride, batch, columns, inputs)
  for (let r: usize = 0; r < rows; r += quad) {
    const height = min(quad, rows - r)
    for (let c: usize = 0; c < columns; c += chunk) {
      const width = min(chunk, columns - c)
      for (let i: usize = 0; i < height; i++) {
        const row = weights + (r + i) * bytes + (c << shift)
        const target = decoded + (i << 4)
        if (format == fp8) decodeFp8(row, scales + ((r + i) >> 7) * blocks + (c >> 7), width, target)
        else if (format == bf16) decodeBf16(row, width, target)
        else interleave(row, width, target, quad)
      }
      for (let b: usize = 0; b < batch; b += pair) {
        tileF32(decoded, inputs + b * inputBytes + (c << 3), (width + 3) >> 2, sums)
        addSums(sums, height, y + b * yStride + (r << 2), y + min(b + 1, batch - 1) * yStride + (r << 2))
      }
    }
  }
}
