/**
 * In which order waiting jobs get their turn: higher priority first, but no level of priority is starved; among equals the
 * owner that was served the fewest tokens; then first come, first served.
 *
 * Served tokens are those of the virtual token counter (OSDI 2024): an owner that comes back from a pause begins where the least served
 * of the others is, so that idling earns nothing. Pure: no clock, no I/O.
 */
export interface Queued {
  /** Whose job it is: a key. */
  owner: string
  /** Higher goes first; 0 is usual. */
  priority: number
}

type Level = 'urgent' | 'usual' | 'low'

const levels: readonly Level[] = ['urgent', 'usual', 'low']
/** Share of the served tokens that a level gets while it has something waiting, however much there is above it. */
const floors: Readonly<Record<Level, number>> = { urgent: 0, usual: 0.2, low: 0.05 }
/** So far below its floor nobody is neglected: a share of nothing is nothing. */
const patienceTokens = 4096
/** What was served long ago counts less: halved about every million tokens. */
const forgetting = 1e-6 * Math.LN2

interface Owner {
  /** Tokens, on the common scale. */
  served: number
  /** Jobs waiting and running. */
  jobs: number
}

export class FairQueue<Item extends Queued> {
  readonly #waiting = new Set<Item>()
  readonly #owners = new Map<string, Owner>()
  readonly #servedByLevel: Record<Level, number> = { urgent: 0, usual: 0, low: 0 }

  get size (): number {
    return this.#waiting.size
  }

  add (item: Item): void {
    this.enter(item.owner)
    this.#waiting.add(item)
  }

  /** @returns false when it was not there */
  remove (item: Item): boolean {
    if (!this.#waiting.delete(item)) return false
    this.leave(item.owner)
    return true
  }

  /** The one whose turn is next comes first. */
  inOrder (): Item[] {
    const level = this.#neglected()
    const turn = (item: Item): number => level !== null && levelOf(item) === level ? 0 : 1
    // Sorting is stable, so that equals keep the order in which they came.
    return [...this.#waiting].sort((one, other) => turn(one) - turn(other) || other.priority - one.priority || this.served(one.owner) - this.served(other.owner))
  }

  /** A job of the owner begins to wait or to run. */
  enter (owner: string): void {
    const known = this.#owners.get(owner)
    if (known !== undefined && known.jobs > 0) {
      known.jobs += 1
      return
    }
    const least = Math.min(...[...this.#owners.values()].filter(({ jobs }) => jobs > 0).map(({ served }) => served))
    const served = Math.max(known?.served ?? 0, Number.isFinite(least) ? least : 0)
    this.#owners.set(owner, { served, jobs: 1 })
  }

  /** It waits or runs no longer. */
  leave (owner: string): void {
    const known = this.#owners.get(owner)
    if (known === undefined) return
    known.jobs -= 1
    if (this.#owners.size > mostIdleOwners) this.#forgetIdle()
  }

  /** Tokens that the owner was served, negative when an estimate was too high. */
  charge ({ owner, priority }: Queued, tokens: number): void {
    const known = this.#owners.get(owner)
    if (known !== undefined) known.served += tokens
    const fading = Math.exp(-forgetting * Math.abs(tokens))
    for (const level of levels) this.#servedByLevel[level] *= fading
    this.#servedByLevel[levelOf({ priority })] += tokens
  }

  served (owner: string): number {
    return this.#owners.get(owner)?.served ?? 0
  }

  /** A level that has something waiting and less than its floor of what was served lately. */
  #neglected (): Level | null {
    const total = levels.reduce((sum, level) => sum + this.#servedByLevel[level], 0)
    const present = new Set([...this.#waiting].map(levelOf))
    return levels.find(level => present.has(level) && this.#servedByLevel[level] < floors[level] * total - patienceTokens) ?? null
  }

  #forgetIdle (): void {
    for (const [owner, { jobs }] of this.#owners) if (jobs <= 0) this.#owners.delete(owner)
  }
}

const mostIdleOwners = 10_000

function levelOf ({ priority }: Pick<Queued, 'priority'>): Level {
  if (priority > 0) return 'urgent'
  return priority < 0 ? 'low' : 'usual'
}
