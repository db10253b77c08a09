/** S, L and XL: how much a job has to do with so many tokens, the answer that is expected included. */
export type LengthClass = 'S' | 'L' | 'XL'

const largestS = 64 * 1024
const largestL = 256 * 1024

export function lengthClassOf (tokens: number): LengthClass {
  if (tokens <= largestS) return 'S'
  return tokens <= largestL ? 'L' : 'XL'
}
