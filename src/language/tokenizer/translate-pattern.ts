/**
 * Turns a regular expression of a tokenizer.json (Oniguruma syntax) into a JavaScript one that matches the same.
 *
 * What the two spell differently is rewritten; what has no equal is refused, since a pre-tokenizer that is nearly right
 * gives a model wrong ids in silence.
 */

/** JavaScript's \s has U+FEFF and lacks U+0085; its \d and \w know ASCII only. */
const shorthands = new Map([['s', '\\p{White_Space}'], ['d', '\\p{Nd}'], ['w', '\\p{L}\\p{M}\\p{N}\\p{Pc}']])
const negatedShorthands = new Map([['S', '\\P{White_Space}'], ['D', '\\P{Nd}']])

/** An escape, the opening of a group with what tells its kind, or one character. */
const part = /\\[^]|\((?:\?(?:<?[=!]|[a-z-]*:|[^]))?|&&|[^]/gu

/** Throws an Error that names the pattern and the part that has no equal. */
export function translatePattern (source: string): RegExp {
  try {
    return new RegExp(new Translation().translate(source), 'gu')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`The pre-tokenizer pattern ${JSON.stringify(source)} is not supported: ${reason}`, { cause: error })
  }
}

class Translation {
  #isInClass = false
  /** For each open group whether case is ignored in it. */
  readonly #ignoresCase = [false]

  translate (source: string): string {
    return source.replace(part, found => {
      if (found.startsWith('\\')) return this.#escape(found.slice(1))
      return this.#isInClass ? this.#inClass(found) : this.#outsideClass(found)
    })
  }

  #escape (escaped: string): string {
    const shorthand = shorthands.get(escaped)
    if (shorthand !== undefined) return this.#isInClass ? shorthand : `[${shorthand}]`
    const negated = negatedShorthands.get(escaped)
    if (negated !== undefined) return negated
    if (/[pPtrnfvux]/.test(escaped)) return `\\${escaped}`
    if (/[A-Za-z0-9]/.test(escaped)) throw new Error(`\\${escaped}`)
    // With the u flag only a character with a meaning may be escaped.
    return /[\^$\\.*+?()[\]{}|/]/.test(escaped) || (this.#isInClass && escaped === '-') ? `\\${escaped}` : escaped
  }

  #inClass (found: string): string {
    if (found === '[' || found === '&&') throw new Error('a class within a class')
    if (found === ']') this.#isInClass = false
    if (this.#ignoresCase.at(-1) === true && /[a-z]/i.test(found)) throw new Error('a class that ignores case')
    return found
  }

  #outsideClass (found: string): string {
    if (found.startsWith('(')) return this.#openGroup(found)
    if (found === ')') this.#ignoresCase.pop()
    if (found === '[') this.#isInClass = true
    if (found === '^' || found === '$') throw new Error(`the anchor ${found}`)
    if (found === '.') return '[^\\n]'
    return this.#ignoresCase.at(-1) === true ? bothCases(found) : found
  }

  #openGroup (found: string): string {
    if (!['(', '(?:', '(?=', '(?!', '(?<=', '(?<!', '(?i:'].includes(found)) throw new Error(`the group ${found}`)
    this.#ignoresCase.push(found === '(?i:' || this.#ignoresCase.at(-1) === true)
    return found === '(?i:' ? '(?:' : found
  }
}

/** A letter in either case, with the two signs that Unicode folds to a Latin letter. */
function bothCases (character: string): string {
  if (!/[a-z]/i.test(character)) return character
  const lower = character.toLowerCase()
  const sign = lower === 's' ? '\u017f' : lower === 'k' ? '\u212a' : ''
  return `[${lower}${lower.toUpperCase()}${sign}]`
}
