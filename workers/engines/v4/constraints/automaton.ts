/**
 * A grammar as an automaton with a stack: plain numbers, so that it can be made on one thread and run on another.
 *
 * A state is left by a symbol, for free, or by a push: into another rule or into the body of a counted repetition, after
 * whose end the automaton goes on where the push says. Counting on the stack keeps a string of at most 10,000
 * characters as small as one of ten.
 */
import { ConstraintError } from './constraint-error.js'
import type { Expression, Path } from './expression.js'

export interface Automaton {
  readonly stateCount: number
  readonly start: number
  /** 1 where a rule or body may end. */
  readonly ends: Uint8Array
  /** Those of state `s` lie at `edgeStarts[s] … edgeStarts[s + 1]`; so for the other columns. */
  readonly edgeStarts: Int32Array
  readonly edgeFirst: Uint16Array
  readonly edgeLast: Uint16Array
  readonly edgeTarget: Int32Array
  readonly freeStarts: Int32Array
  readonly freeTarget: Int32Array
  readonly pushStarts: Int32Array
  readonly pushTarget: Int32Array
  readonly pushAfter: Int32Array
  /** Which loop the push enters; -1 = it calls a rule. */
  readonly pushLoop: Int32Array
  readonly loopBody: Int32Array
  readonly loopLeast: Int32Array
  /** -1 = no end. */
  readonly loopMost: Int32Array
}

/** A step of a state's making: megabytes, and some tens of milliseconds to build. */
const MAX_STATES = 300_000

/** @throws ConstraintError when it is too large */
export function buildAutomaton (rules: ReadonlyMap<string, Expression>, root: string): Automaton {
  return new AutomatonBuilder(rules).build(root)
}

interface State {
  isEnd: boolean
  readonly edges: Array<[first: number, last: number, target: number]>
  readonly free: number[]
  readonly pushes: Array<[target: number, after: number, loop: number]>
}

class AutomatonBuilder {
  readonly #rules: ReadonlyMap<string, Expression>
  readonly #states: State[] = []
  readonly #starts = new Map<string, number>()
  readonly #unbuilt: Array<() => void> = []
  readonly #loops: Array<[body: number, least: number, most: number]> = []

  constructor (rules: ReadonlyMap<string, Expression>) {
    this.#rules = rules
  }

  build (root: string): Automaton {
    const start = this.#startOf(root)
    for (let next = this.#unbuilt.pop(); next !== undefined; next = this.#unbuilt.pop()) next()
    const states = this.#states
    const edges = states.map(({ edges }) => edges)
    const pushes = states.map(({ pushes }) => pushes)
    return {
      stateCount: states.length,
      start,
      ends: Uint8Array.from(states, ({ isEnd }) => isEnd ? 1 : 0),
      edgeStarts: startsOf(edges),
      edgeFirst: Uint16Array.from(edges.flat(), ([first]) => first),
      edgeLast: Uint16Array.from(edges.flat(), ([, last]) => last),
      edgeTarget: Int32Array.from(edges.flat(), ([,, target]) => target),
      freeStarts: startsOf(states.map(({ free }) => free)),
      freeTarget: Int32Array.from(states.flatMap(({ free }) => free)),
      pushStarts: startsOf(pushes),
      pushTarget: Int32Array.from(pushes.flat(), ([target]) => target),
      pushAfter: Int32Array.from(pushes.flat(), ([, after]) => after),
      pushLoop: Int32Array.from(pushes.flat(), ([,, loop]) => loop),
      loopBody: Int32Array.from(this.#loops, ([body]) => body),
      loopLeast: Int32Array.from(this.#loops, ([, least]) => least),
      loopMost: Int32Array.from(this.#loops, ([,, most]) => most === Infinity ? -1 : most)
    }
  }

  /** Rules are built one after the other, not one within the other: they may be nested deeper than calls can be. */
  #startOf (name: string): number {
    const known = this.#starts.get(name)
    if (known !== undefined) return known
    const expression = this.#rules.get(name)
    if (expression === undefined) throw new Error(`the grammar has no rule ${name}`)
    const start = this.#part(expression)
    this.#starts.set(name, start)
    return start
  }

  /** What stands for itself: a rule, or the body of a loop. */
  #part (expression: Expression): number {
    const [start, end] = [this.#state(), this.#state()]
    this.#at(end).isEnd = true
    this.#unbuilt.push(() => { this.#add(expression, start, end) })
    return start
  }

  #state (): number {
    if (this.#states.length >= MAX_STATES) throw new ConstraintError('the constraint is too large')
    return this.#states.push({ isEnd: false, edges: [], free: [], pushes: [] }) - 1
  }

  #at (state: number): State {
    const found = this.#states[state]
    if (found === undefined) throw new RangeError(`there is no state ${state}`)
    return found
  }

  /** Only leads out of `from` and into `to`, so that several may share both. */
  #add (expression: Expression, from: number, to: number): void {
    switch (expression.kind) {
      case 'paths': this.#addPaths(expression.paths, from, to); break
      case 'choice': for (const option of expression.options) this.#add(option, from, to); break
      case 'sequence': this.#addSequence(expression.parts, from, to); break
      case 'repeat': this.#addRepeat(expression, from, to); break
      case 'call': this.#at(from).pushes.push([this.#startOf(expression.rule), to, -1])
    }
  }

  /** Paths that begin alike share their beginning. */
  #addPaths (paths: readonly Path[], from: number, to: number): void {
    const inner = new Map<string, number>()
    for (const path of paths) {
      let state = from
      path.forEach(([first, last], place) => {
        const key = `${state} ${first} ${last}`
        const isLast = place === path.length - 1
        const known = isLast ? undefined : inner.get(key)
        const target = isLast ? to : known ?? this.#state()
        if (known === undefined) this.#at(state).edges.push([first, last, target])
        if (!isLast) inner.set(key, target)
        state = target
      })
      if (path.length === 0) this.#at(from).free.push(to)
    }
  }

  #addSequence (parts: readonly Expression[], from: number, to: number): void {
    if (parts.length === 0) this.#at(from).free.push(to)
    let state = from
    parts.forEach((part, place) => {
      const target = place === parts.length - 1 ? to : this.#state()
      this.#add(part, state, target)
      state = target
    })
  }

  #addRepeat ({ body, least, most }: Extract<Expression, { kind: 'repeat' }>, from: number, to: number): void {
    if (least === 0) this.#at(from).free.push(to)
    if (most === 0) return
    if (most === 1) this.#add(body, from, to)
    else if (most === Infinity && least <= 1) {
      const [first, again] = [this.#state(), this.#state()]
      this.#at(from).free.push(first)
      this.#add(body, first, again)
      this.#at(again).free.push(first, to)
    } else {
      const start = this.#part(body)
      const loop = this.#loops.push([start, Math.max(1, least), most]) - 1
      this.#at(from).pushes.push([start, to, loop])
    }
  }
}

function startsOf (columns: ReadonlyArray<readonly unknown[]>): Int32Array {
  const starts = new Int32Array(columns.length + 1)
  columns.forEach((column, index) => { starts[index + 1] = (starts[index] ?? 0) + column.length })
  return starts
}
