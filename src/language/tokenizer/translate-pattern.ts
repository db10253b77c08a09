/**
 * Turns a regular expression of a tokenizer.json (Oniguruma syntax) into a JavaScript one that matches the same.
 *
 * What the two spell differently is rewritten; what has no equal is refused, since a pre-tokenizer that is nearly right
 * gives a model wrong ids in silence.
 */
const classShorthands = new Map([
  // JavaScript's \s has U+FEFF and lacks U+0085; \d and \w know ASCII only.
  ['s', '\\p{White_Space}'],
  ['d', '\\p{Nd}'],
  ['w', '\\p{L}\\p{M}\\p{N}\\p{Pc}'],
  ['h', '0-9a-fA-F']
])
const negatedShorthands = new Map([['S', '\\P{White_Space}'], ['D', '\\P{Nd}']])

export function translatePattern (source: string): RegExp {
  let inClass = false
  let foldsCaseUntil: number[] = []
  let depth = 0
  let translated = ''
  const refuse = (what: string): never => {
    throw new Error(`Cannot translate the pre-tokenizer pattern ${JSON.stringify(source)}: ${what} is not supported`)
  }
  for (let position = 0; position < source.length; position++) {
    const rest = source.slice(position, position + 4)
    const character = source[position] ?? ''
    if (character === '\\') {
      position++
      translated += translateEscape(source[position] ?? '', inClass, refuse)
    } else if (inClass) {
      if (rest.startsWith('[') || rest.startsWith('&&')) refuse('a class within a class')
      if (character === ']') inClass = false
      translated += foldsCaseUntil.length > 0 && /[a-z]/i.test(character) ? refuse('a class that ignores case') : character
    } else if (character === '[') {
      inClass = true
      translated += character
    } else if (character === '(') {
      depth++
      if (rest.startsWith('(?i:')) {
        foldsCaseUntil.push(depth)
        translated += '(?:'
        position += 3
      } else if (/^\((?!\?)|^\(\?(?:[:=!]|<[=!])/.test(rest)) translated += character
      else refuse(rest)
    } else if (character === ')') {
      foldsCaseUntil = foldsCaseUntil.filter(foldDepth => foldDepth < depth)
      depth--
      translated += character
    } else if (character === '.') translated += '[^\\n]'
    else if (character === '^' || character === '$') refuse(`the anchor ${character}`)
    else if (character === '+' && /(?<!\\)[*+?}]$/.test(source.slice(0, position)) && !/\\.$/.test(source.slice(0, position))) refuse('a possessive quantifier')
    else translated += foldsCaseUntil.length > 0 ? foldCase(character) : character
  }
  try {
    return new RegExp(translated, 'gu')
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'its syntax')
  }
}

function translateEscape (escaped: string, inClass: boolean, refuse: (what: string) => never): string {
  const shorthand = classShorthands.get(escaped)
  if (shorthand !== undefined) return inClass ? shorthand : `[${shorthand}]`
  const negated = negatedShorthands.get(escaped)
  if (negated !== undefined) return negated
  if (escaped === 'W' && !inClass) return `[^${classShorthands.get('w') ?? ''}]`
  if (/[pPtrnfvux]/.test(escaped)) return `\\${escaped}`
  if (/[A-Za-z0-9]/.test(escaped)) return refuse(`\\${escaped}`)
  // With the u flag only characters with a meaning may be escaped.
  return /[\^$\\.*+?()[\]{}|/]/.test(escaped) || (inClass && escaped === '-') ? `\\${escaped}` : escaped
}

/** One character in either case, with the two signs that Unicode folds to a Latin letter. */
function foldCase (character: string): string {
  if (!/[a-z]/i.test(character)) return character
  const lower = character.toLowerCase()
  const sign = lower === 's' ? '\u017f' : lower === 'k' ? '\u212a' : ''
  return `[${lower}${lower.toUpperCase()}${sign}]`
}
