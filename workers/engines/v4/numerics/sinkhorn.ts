/**
 * Turns the `n` x `n` logits at `start` into a nearly doubly stochastic matrix, in place (V4 section 3.2, step 5):
 * the first iteration's row step is a softmax, and the columns go first after it.
 */
export function sinkhorn (matrix: Float64Array, start: number, n: number, iterations: number, eps: number): void {
  for (let row = start; row < start + n * n; row += n) softmaxRow(matrix, row, n, eps)
  normaliseColumns(matrix, start, n, eps)
  for (let iteration = 1; iteration < iterations; iteration++) {
    for (let row = start; row < start + n * n; row += n) normaliseRow(matrix, row, n, eps)
    normaliseColumns(matrix, start, n, eps)
  }
}

function softmaxRow (matrix: Float64Array, row: number, n: number, eps: number): void {
  let largest = -Infinity
  for (let i = row; i < row + n; i++) largest = Math.max(largest, matrix[i] ?? 0)
  let sum = 0
  for (let i = row; i < row + n; i++) {
    const share = Math.exp((matrix[i] ?? 0) - largest)
    matrix[i] = share
    sum += share
  }
  for (let i = row; i < row + n; i++) matrix[i] = (matrix[i] ?? 0) / sum + eps
}

/** One division a row: this runs hundreds of times a token. */
function normaliseRow (matrix: Float64Array, row: number, n: number, eps: number): void {
  let sum = eps
  for (let i = row; i < row + n; i++) sum += matrix[i] ?? 0
  const factor = 1 / sum
  for (let i = row; i < row + n; i++) matrix[i] = (matrix[i] ?? 0) * factor
}

function normaliseColumns (matrix: Float64Array, start: number, n: number, eps: number): void {
  for (let column = start; column < start + n; column++) {
    let sum = eps
    for (let i = column; i < start + n * n; i += n) sum += matrix[i] ?? 0
    const factor = 1 / sum
    for (let i = column; i < start + n * n; i += n) matrix[i] = (matrix[i] ?? 0) * factor
  }
}
