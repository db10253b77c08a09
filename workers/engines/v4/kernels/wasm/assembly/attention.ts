import { addScaled, softmaxWithSink } from './elementwise'
import { dotF32 } from './wide'

/** Key rows are addressed by a list; `scratch` holds `count` floats for one head. */
export function attend (q: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scale: f32, sinks: usize, out: usize, scratch: usize): void {
  for (let h: usize = 0; h < heads; h++) {
    const query = q + h * (width << 2)
    const target = out + h * (width << 2)
    for (let k: usize = 0; k < count; k++) {
      store<f32>(scratch + (k << 2), dotF32(<usize>load<u32>(rowOffsets + (k << 2)), query, width) * scale)
    }
    softmaxWithSink(scratch, count, load<f32>(sinks + (h << 2)))
    memory.fill(target, 0, width << 2)
    for (let k: usize = 0; k < count; k++) {
      addScaled(target, <usize>load<u32>(rowOffsets + (k << 2)), load<f32>(scratch + (k << 2)), width)
    }
  }
}

export function indexScores (q: usize, headWeights: usize, rowOffsets: usize, count: usize, width: usize, heads: usize, scores: usize): void {
  for (let k: usize = 0; k < count; k++) {
    const key = <usize>load<u32>(rowOffsets + (k << 2))
    let score: f32 = 0
    for (let h: usize = 0; h < heads; h++) {
      score += load<f32>(headWeights + (h << 2)) * max<f32>(dotF32(key, q + h * (width << 2), width), 0)
    }
    store<f32>(scores + (k << 2), score)
  }
}
