/**
 * Walsh-Hadamard transform in natural order times width^-0.5 of `values[begin, begin + width)`, in place
 * (V4 section 2.8).
 * @param width a power of two
 */
export function hadamard (values: Float32Array | Float64Array, begin: number, width: number): void {
  for (let half = 1; half < width; half *= 2) {
    for (let block = begin; block < begin + width; block += 2 * half) {
      for (let i = block; i < block + half; i++) {
        const a = values[i] ?? 0
        const b = values[i + half] ?? 0
        values[i] = a + b
        values[i + half] = a - b
      }
    }
  }
  const factor = 1 / Math.sqrt(width)
  for (let i = begin; i < begin + width; i++) values[i] = (values[i] ?? 0) * factor
}
