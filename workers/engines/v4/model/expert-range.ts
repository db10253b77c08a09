/** The contiguous range [begin, end) of routed experts that a rank computes; some rank may have none. */
export function expertRangeOf (expertCount: number, rank: number, rankCount: number): { begin: number, end: number } {
  return {
    begin: Math.floor(expertCount * rank / rankCount),
    end: Math.floor(expertCount * (rank + 1) / rankCount)
  }
}
