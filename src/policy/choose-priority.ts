/** Whose turn it is where several wait: higher goes first, ordinary requests have 0, batches the lowest. Pure. */
export const lowestPriority = -100
export const highestPriority = 100

/** `asked` null = nobody said. Null when neither caller nor key has a word in it: then it is 0. */
export function choosePriority (asked: number | null, { maxPriority }: { maxPriority: number }): number | null {
  const chosen = Math.min(asked ?? 0, maxPriority)
  return asked === null && chosen === 0 ? null : chosen
}
