/**
 * What a grammar is written in. It is over symbols: 0 to 255 are the bytes of text, and one more is the control token
 * that tool markup is made of, which no text can spell.
 */
import { dsml } from '../../../../src/language/control-tokens.js'

/** From the first symbol to the last, both included. */
export type SymbolRange = readonly [first: number, last: number]
export type Path = readonly SymbolRange[]

export type Expression =
  | { readonly kind: 'paths', readonly paths: readonly Path[] }
  | { readonly kind: 'sequence', readonly parts: readonly Expression[] }
  | { readonly kind: 'choice', readonly options: readonly Expression[] }
  | { readonly kind: 'repeat', readonly body: Expression, readonly least: number, readonly most: number }
  | { readonly kind: 'call', readonly rule: string }

/** The control token of tool markup. */
export const MARKUP_SYMBOL = 256
export const SYMBOL_COUNT = 257

const encoder = new TextEncoder()

function pathOf (text: string): Path {
  return Array.from(encoder.encode(text), byte => [byte, byte])
}

/** One of these texts. */
export function literal (...texts: readonly string[]): Expression {
  return { kind: 'paths', paths: texts.map(pathOf) }
}

/** Text of tool markup: where it says `｜DSML｜` the token must come. */
export function markup (text: string): Expression {
  const path = text.split(dsml).flatMap((part, index): SymbolRange[] => [...index === 0 ? [] : [[MARKUP_SYMBOL, MARKUP_SYMBOL] as const], ...pathOf(part)])
  return { kind: 'paths', paths: [path] }
}

export function paths (...given: readonly Path[]): Expression {
  return { kind: 'paths', paths: given }
}

export function sequence (...parts: readonly Expression[]): Expression {
  return { kind: 'sequence', parts }
}

/** Of nothing: what can never come. */
export function choice (...options: readonly Expression[]): Expression {
  return { kind: 'choice', options }
}

export function repeat (body: Expression, least: number, most: number): Expression {
  return { kind: 'repeat', body, least, most }
}

export function optional (body: Expression): Expression {
  return repeat(body, 0, 1)
}

export function call (rule: string): Expression {
  return { kind: 'call', rule }
}
