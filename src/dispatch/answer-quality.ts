/** How many of a worker's last answers looked corrupt, and whether that is the worker's own doing. Pure. */

/** Answers remembered. */
const windowAnswers = 200
/** Below these nothing is said: chance, and a model that likes to repeat itself, would do it. */
const leastAnswers = 20
const leastSuspects = 5
const leastShare = 0.1
/** Times the share of its peers, who answer the same kind of requests with the same weights. */
const timesPeers = 4

export class AnswerQuality {
  readonly #suspects: boolean[] = []

  note (isSuspect: boolean): void {
    this.#suspects.push(isSuspect)
    if (this.#suspects.length > windowAnswers) this.#suspects.shift()
  }

  /** Null while too few are known. */
  get suspectShare (): number | null {
    return this.#suspects.length < leastAnswers ? null : this.#suspectCount / this.#suspects.length
  }

  /** @param peers of the same checkpoint; without one that is known nothing can be told from the model's own habits */
  isWorseThan (peers: readonly AnswerQuality[]): boolean {
    const share = this.suspectShare
    const usual = median(peers.map(({ suspectShare }) => suspectShare).filter(peer => peer !== null))
    if (share === null || usual === null || this.#suspectCount < leastSuspects) return false
    return share >= leastShare && share >= timesPeers * usual
  }

  get #suspectCount (): number {
    return this.#suspects.filter(isSuspect => isSuspect).length
  }
}

function median (values: number[]): number | null {
  const sorted = values.sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}
