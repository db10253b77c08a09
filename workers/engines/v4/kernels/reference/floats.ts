export type Floats = Float32Array | Float64Array

export function dot (a: Floats, b: Floats): number {
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
