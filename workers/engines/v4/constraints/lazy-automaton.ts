/**
 * Runs an automaton in all its ways at once. What it is in is a configuration: a set of states with their stacks. Equal
 * configurations are one object with its steps and its choice of tokens, both found when they are first asked for: what
 * an answer never comes to costs nothing, and what every string comes to costs once.
 */
import type { Automaton } from './automaton.js'
import { SYMBOL_COUNT } from './expression.js'
import { type Frame, Frames } from './frames.js'
import type { TokenTrie } from './token-trie.js'

interface Item {
  readonly state: number
  readonly frame: Frame
}

export interface Configuration {
  readonly items: readonly Item[]
  /** The grammar may end here. */
  readonly mayEnd: boolean
  /** By symbol; undefined = not tried, null = it cannot come. */
  steps: Array<Configuration | null | undefined> | null
  /** The same for whoever looks no more than one token ahead. */
  near: Configuration | null
  /** A bit for each token that may come. */
  tokens: Int32Array | null
}

/** Of one configuration. Beyond it a grammar has too many meanings to be kept. */
const MAX_ITEMS = 2_000
/** Items that one choice of tokens may look at: some tens of milliseconds, which only grammars made for it need. */
const MAX_WORK = 500_000
/** About 2 kB each, with the masks. */
const MAX_CONFIGURATIONS = 4_000

export class LazyAutomaton {
  readonly #automaton: Automaton
  readonly #trie: TokenTrie
  readonly #frames: Frames
  readonly #bottom: Frame
  readonly #isTail: Uint8Array
  /** 1 for states that only symbols lead out of. */
  readonly #isPlain: Uint8Array
  readonly #known = new Map<string | number, Configuration>()
  readonly #path: Array<Configuration | null>
  #work = 0

  constructor (automaton: Automaton, trie: TokenTrie) {
    this.#automaton = automaton
    this.#trie = trie
    this.#frames = new Frames(automaton)
    this.#bottom = this.#frames.push(null, { after: -1, loop: -1, count: 0 })
    this.#isTail = tailsOf(automaton)
    this.#isPlain = plainStatesOf(automaton)
    this.#path = new Array<Configuration | null>(trie.longest + 1).fill(null)
  }

  /** null: nothing fits the grammar. */
  start (): Configuration | null {
    return this.#close([{ state: this.#automaton.start, frame: this.#bottom }])
  }

  /** null: the symbol cannot come here. */
  step (configuration: Configuration, symbol: number): Configuration | null {
    const steps = configuration.steps ??= new Array<undefined>(SYMBOL_COUNT)
    const known = steps[symbol]
    if (known !== undefined) return known
    const { edgeStarts, edgeFirst, edgeLast, edgeTarget } = this.#automaton
    const reached: Item[] = []
    // The symbols around this one for which the same holds.
    let [first, last] = [0, SYMBOL_COUNT - 1]
    for (const { state, frame } of configuration.items) {
      const end = edgeStarts[state + 1] ?? 0
      for (let edge = edgeStarts[state] ?? 0; edge < end; edge++) {
        const [from, to] = [edgeFirst[edge] ?? 0, edgeLast[edge] ?? 0]
        if (to < symbol) first = Math.max(first, to + 1)
        else if (from > symbol) last = Math.min(last, from - 1)
        else {
          first = Math.max(first, from)
          last = Math.min(last, to)
          reached.push({ state: edgeTarget[edge] ?? 0, frame })
        }
      }
    }
    const next = this.#reach(reached)
    steps.fill(next, first, last + 1)
    return next
  }

  /** A bit for each token whose symbols may come here; none where that is too much to find out. Valid as long as the automaton. */
  tokensFrom (configuration: Configuration): Int32Array {
    configuration.near ??= this.#near(configuration)
    configuration.near.tokens ??= this.#walk(configuration.near)
    return configuration.near.tokens
  }

  #near ({ items, mayEnd }: Configuration): Configuration {
    return this.#intern(items.map(({ state, frame }) => ({ state, frame: this.#frames.near(frame, this.#trie.longest) })), mayEnd)
  }

  #walk (from: Configuration): Int32Array {
    const { nodeCount, symbols, depths, ends, tokenStarts, tokens, wordCount } = this.#trie
    const allowed = new Int32Array(wordCount)
    this.#path[0] = from
    this.#work = 0
    for (let node = 0; node < nodeCount;) {
      const depth = depths[node] ?? 0
      const before = this.#path[depth] ?? from
      const symbol = symbols[node] ?? 0
      const known = before.steps?.[symbol]
      const next = known === undefined ? this.step(before, symbol) : known
      if (this.#work > MAX_WORK) return allowed.fill(0)
      if (next === null) {
        node = ends[node] ?? nodeCount
        continue
      }
      this.#path[depth + 1] = next
      const end = tokenStarts[node + 1] ?? 0
      for (let place = tokenStarts[node] ?? 0; place < end; place++) {
        const id = tokens[place] ?? 0
        allowed[id >> 5] = (allowed[id >> 5] ?? 0) | 1 << (id & 31)
      }
      node++
    }
    return allowed
  }

  /** Within a character there is one state, and nothing to follow from it. */
  #reach (reached: Item[]): Configuration | null {
    const [sole] = reached
    if (sole === undefined) return null
    return reached.length === 1 && this.#isPlain[sole.state] === 1 ? this.#intern(reached, false) : this.#close(reached)
  }

  /** Follows everything that costs no symbol. */
  #close (pending: Item[]): Configuration | null {
    const { stateCount, ends, edgeStarts, freeStarts, freeTarget } = this.#automaton
    const seen = new Set<number>()
    const items: Item[] = []
    let mayEnd = false
    for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
      const { state, frame } = item
      const key = frame.id * stateCount + state
      if (seen.has(key)) continue
      seen.add(key)
      this.#work++
      if (seen.size > MAX_ITEMS) return null
      if (ends[state] === 1) {
        if (frame.below === null) mayEnd = true
        else this.#leave(frame, frame.below, pending)
      }
      for (let free = freeStarts[state] ?? 0; free < (freeStarts[state + 1] ?? 0); free++) pending.push({ state: freeTarget[free] ?? 0, frame })
      this.#enter(item, pending)
      if ((edgeStarts[state] ?? 0) < (edgeStarts[state + 1] ?? 0)) items.push(item)
    }
    return items.length === 0 && !mayEnd ? null : this.#intern(items, mayEnd)
  }

  #enter ({ state, frame }: Item, pending: Item[]): void {
    const { pushStarts, pushTarget, pushAfter, pushLoop } = this.#automaton
    for (let push = pushStarts[state] ?? 0; push < (pushStarts[state + 1] ?? 0); push++) {
      const [target, after, loop] = [pushTarget[push] ?? 0, pushAfter[push] ?? 0, pushLoop[push] ?? -1]
      // Nothing comes after a call at the end of a rule, so it needs no place on the stack.
      const isTailCall = loop < 0 && this.#isTail[after] === 1
      pending.push({ state: target, frame: isTailCall ? frame : this.#frames.push(frame, { after, loop, count: 0 }) })
    }
  }

  #leave (frame: Frame, below: Frame, pending: Item[]): void {
    const frames = this.#frames
    if (frame.loop < 0) {
      pending.push({ state: frame.after, frame: below })
      return
    }
    const count = frames.countAfter(frame)
    if (frames.mayLeave(frame, count)) pending.push({ state: frame.after, frame: below })
    if (frames.mayRepeat(frame, count)) pending.push({ state: this.#automaton.loopBody[frame.loop] ?? 0, frame: frames.push(below, { after: frame.after, loop: frame.loop, count }) })
  }

  #intern (items: Item[], mayEnd: boolean): Configuration {
    const { stateCount } = this.#automaton
    const keys = items.map(({ state, frame }) => frame.id * stateCount + state)
    const [sole = 0] = keys
    const key = keys.length === 1 && !mayEnd ? sole : `${mayEnd ? 'end ' : ''}${[...new Set(keys)].sort((left, right) => left - right).join(' ')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    // Those who are at one of them keep it; stacks have numbers that are never given again.
    if (this.#known.size >= MAX_CONFIGURATIONS) this.#known.clear()
    const configuration: Configuration = { items, mayEnd, steps: null, near: null, tokens: null }
    this.#known.set(key, configuration)
    return configuration
  }
}

function plainStatesOf ({ stateCount, ends, freeStarts, pushStarts }: Automaton): Uint8Array {
  return Uint8Array.from({ length: stateCount }, (_, state) => ends[state] === 0 && freeStarts[state] === freeStarts[state + 1] && pushStarts[state] === pushStarts[state + 1] ? 1 : 0)
}

/** 1 for states from which a rule can only end. */
function tailsOf ({ stateCount, ends, edgeStarts, freeStarts, freeTarget, pushStarts }: Automaton): Uint8Array {
  const tails = new Uint8Array(stateCount)
  const isTail = (state: number): boolean => {
    if (edgeStarts[state] !== edgeStarts[state + 1] || pushStarts[state] !== pushStarts[state + 1]) return false
    const [first, end] = [freeStarts[state] ?? 0, freeStarts[state + 1] ?? 0]
    if (ends[state] === 1) return first === end
    const target = freeTarget[first] ?? 0
    return end - first === 1 && ends[target] === 1 && isTail(target)
  }
  for (let state = 0; state < stateCount; state++) tails[state] = isTail(state) ? 1 : 0
  return tails
}
