/** The vocabulary as a tree of symbols in one line, each node before its children: whole branches are skipped at once. */
import { dsml } from '../../../../src/language/control-tokens.js'
import type { Vocabulary } from '../../../../src/language/tokenizer/vocabulary.js'
import { MARKUP_SYMBOL } from './expression.js'

export interface TokenTrie {
  readonly nodeCount: number
  readonly symbols: Uint16Array
  /** Symbols before the node's own. */
  readonly depths: Uint16Array
  /** The node behind all those below this one. */
  readonly ends: Int32Array
  /** Ids of the tokens that end at node `n`: `tokens[tokenStarts[n]] … tokens[tokenStarts[n + 1]]`, several when they are spelled alike. */
  readonly tokenStarts: Int32Array
  readonly tokens: Int32Array
  /** Symbols of the longest token. */
  readonly longest: number
  /** Of a set with a bit for every token. */
  readonly wordCount: number
}

/** Control tokens are no text: of them only the one that tool markup is made of is in the tree. */
export function buildTokenTrie ({ size, tokenBytes, tokenEnds, controlTokens }: Vocabulary, vocabularySize: number): TokenTrie {
  const controls = new Map(controlTokens.map(({ id, text }) => [id, text]))
  const spelled: Array<{ id: number, symbols: ArrayLike<number> }> = []
  for (let id = 0; id < Math.min(size, vocabularySize); id++) {
    const control = controls.get(id)
    const symbols = control === undefined ? tokenBytes.subarray(tokenEnds[id - 1] ?? 0, tokenEnds[id]) : control === dsml ? [MARKUP_SYMBOL] : []
    if (symbols.length > 0) spelled.push({ id, symbols })
  }
  spelled.sort((left, right) => compare(left.symbols, right.symbols))
  return layOut(spelled, Math.ceil(vocabularySize / 32))
}

function layOut (spelled: ReadonlyArray<{ id: number, symbols: ArrayLike<number> }>, wordCount: number): TokenTrie {
  const nodes: Array<{ symbol: number, depth: number, end: number, tokens: number[] }> = []
  const open: number[] = []
  let longest = 0
  const closeTo = (depth: number): void => {
    while (open.length > depth) {
      const closed = nodes[open.pop() ?? 0]
      if (closed !== undefined) closed.end = nodes.length
    }
  }
  let before: ArrayLike<number> = []
  for (const { id, symbols } of spelled) {
    closeTo(sharedLength(before, symbols))
    for (let depth = open.length; depth < symbols.length; depth++) {
      open.push(nodes.length)
      nodes.push({ symbol: symbols[depth] ?? 0, depth, end: 0, tokens: [] })
    }
    nodes[open.at(-1) ?? 0]?.tokens.push(id)
    longest = Math.max(longest, symbols.length)
    before = symbols
  }
  closeTo(0)
  const tokenStarts = new Int32Array(nodes.length + 1)
  nodes.forEach(({ tokens }, index) => { tokenStarts[index + 1] = (tokenStarts[index] ?? 0) + tokens.length })
  return {
    nodeCount: nodes.length,
    symbols: Uint16Array.from(nodes, ({ symbol }) => symbol),
    depths: Uint16Array.from(nodes, ({ depth }) => depth),
    ends: Int32Array.from(nodes, ({ end }) => end),
    tokenStarts,
    tokens: Int32Array.from(nodes.flatMap(({ tokens }) => tokens)),
    longest,
    wordCount
  }
}

function sharedLength (left: ArrayLike<number>, right: ArrayLike<number>): number {
  let length = 0
  while (length < Math.min(left.length, right.length) && left[length] === right[length]) length++
  return length
}

function compare (left: ArrayLike<number>, right: ArrayLike<number>): number {
  const shared = sharedLength(left, right)
  return (left[shared] ?? -1) - (right[shared] ?? -1)
}
