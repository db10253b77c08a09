import { exponential } from './exponential'
import { multiplyAdd, sumLanes } from './lanes'
import { dotF32 } from './wide'

export function rmsNorm (x: usize, weight: usize, y: usize, rows: usize, width: usize, eps: f32): void {
  const vectorWidth = width & ~3
  for (let row: usize = 0; row < rows; row++) {
    const factor: f32 = <f32>1 / sqrt<f32>(dotF32(x, x, width) / <f32>width + eps)
    const factors = f32x4.splat(factor)
    let i: usize = 0
    for (; i < vectorWidth; i += 4) {
      let value = f32x4.mul(v128.load(x + (i << 2)), factors)
      if (weight) value = f32x4.mul(value, v128.load(weight + (i << 2)))
      v128.store(y + (i << 2), value)
    }
    for (; i < width; i++) {
      let value = load<f32>(x + (i << 2)) * factor
      if (weight) value *= load<f32>(weight + (i << 2))
      store<f32>(y + (i << 2), value)
    }
    x += width << 2
    y += width << 2
  }
}

// @ts-ignore: decorator
@inline
function gated (gate: v128, up: v128, limit: v128, weight: v128): v128 {
  const g = f32x4.min(gate, limit)
  const u = f32x4.max(f32x4.min(up, limit), f32x4.neg(limit))
  const silu = f32x4.div(g, f32x4.add(f32x4.splat(1), exponential(f32x4.neg(g))))
  return f32x4.mul(f32x4.mul(silu, u), weight)
}

export function siluMul (gate: usize, up: usize, out: usize, count: usize, limit: f32, weight: f32): void {
  const limits = f32x4.splat(limit)
  const weights = f32x4.splat(weight)
  const vectorEnd = gate + ((count & ~3) << 2)
  while (gate < vectorEnd) {
    v128.store(out, gated(v128.load(gate), v128.load(up), limits, weights))
    gate += 16
    up += 16
    out += 16
  }
  for (let tail = count & 3; tail > 0; tail--) {
    store<f32>(out, f32x4.extract_lane(gated(f32x4.splat(load<f32>(gate)), f32x4.splat(load<f32>(up)), limits, weights), 0))
    gate += 4
    up += 4
    out += 4
  }
}

/** Turns scores into shares of a softmax that has one more logit, `sink`; in place. */
export function softmaxWithSink (scores: usize, count: usize, sink: f32): void {
  const vectorEnd = scores + ((count & ~3) << 2)
  const end = scores + (count << 2)
  let largest = sink
  for (let p = scores; p < end; p += 4) largest = max<f32>(largest, load<f32>(p))
  const shift = f32x4.splat(largest)
  let sums = f32x4.splat(0)
  let p = scores
  for (; p < vectorEnd; p += 16) {
    const share = exponential(f32x4.sub(v128.load(p), shift))
    v128.store(p, share)
    sums = f32x4.add(sums, share)
  }
  let total = sumLanes(sums) + f32x4.extract_lane(exponential(f32x4.splat(sink - largest)), 0)
  for (; p < end; p += 4) {
    const share = f32x4.extract_lane(exponential(f32x4.splat(load<f32>(p) - largest)), 0)
    store<f32>(p, share)
    total += share
  }
  const factor = <f32>1 / total
  for (p = scores; p < vectorEnd; p += 16) v128.store(p, f32x4.mul(v128.load(p), f32x4.splat(factor)))
  for (; p < end; p += 4) store<f32>(p, load<f32>(p) * factor)
}

/**
 * Rotates the last `rotated` floats of `heads` vectors of `width` for each of `rows` rows. A row of the table holds
 * `rotated` cosines, each twice, then as many sines, each first negative.
 */
export function rotate (values: usize, table: usize, rows: usize, heads: usize, width: usize, rotated: usize, direction: f32): void {
  const vectorWidth = rotated & ~3
  const tableBytes = rotated << 2
  const sign = f32x4.splat(direction)
  for (let row: usize = 0; row < rows; row++) {
    for (let head: usize = 0; head < heads; head++) {
      const place = values + (width - rotated << 2)
      let i: usize = 0
      for (; i < vectorWidth; i += 4) {
        const value = v128.load(place + (i << 2))
        const swapped = v128.shuffle<f32>(value, value, 1, 0, 3, 2)
        const sines = f32x4.mul(v128.load(table + tableBytes + (i << 2)), sign)
        v128.store(place + (i << 2), multiplyAdd(f32x4.mul(value, v128.load(table + (i << 2))), swapped, sines))
      }
      if (i < rotated) {
        const value = v128.load64_zero(place + (i << 2))
        const swapped = v128.shuffle<f32>(value, value, 1, 0, 3, 2)
        const sines = f32x4.mul(v128.load64_zero(table + tableBytes + (i << 2)), sign)
        v128.store64_lane(place + (i << 2), multiplyAdd(f32x4.mul(value, v128.load64_zero(table + (i << 2))), swapped, sines), 0)
      }
      values += width << 2
    }
    table += 2 * tableBytes
  }
}

/** y += x */
export function add (x: usize, y: usize, count: usize): void {
  const vectorEnd = x + ((count & ~3) << 2)
  const end = x + (count << 2)
  while (x < vectorEnd) {
    v128.store(y, f32x4.add(v128.load(y), v128.load(x)))
    x += 16
    y += 16
  }
  while (x < end) {
    store<f32>(y, load<f32>(y) + load<f32>(x))
    x += 4
    y += 4
  }
}
