/** What a sequence has said so far, for the penalties. */
export class TokenCounts {
  readonly #generated = new Map<number, number>()
  readonly #seen = new Set<number>()

  /** @param tokenIds prompt; @param emitted how many of its last tokens an earlier attempt had generated */
  constructor (tokenIds: readonly number[], emitted: number) {
    for (const id of tokenIds) this.#seen.add(id)
    for (const id of tokenIds.slice(tokenIds.length - emitted)) this.#countGenerated(id)
  }

  add (id: number): void {
    this.#seen.add(id)
    this.#countGenerated(id)
  }

  /** Prompt and completion. */
  get seen (): ReadonlySet<number> { return this.#seen }

  /** Completion only, with the number of times. */
  get generated (): ReadonlyMap<number, number> { return this.#generated }

  #countGenerated (id: number): void {
    this.#generated.set(id, (this.#generated.get(id) ?? 0) + 1)
  }
}
