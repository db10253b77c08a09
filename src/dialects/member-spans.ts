/**
 * Where the members of a JSON object stand in its text, without parsing what they hold: megabytes of messages are
 * skipped at the speed of a string search. Only for text that has been parsed before; it finds no errors.
 */

/** Start and end of each member's value, by key; of a key that comes twice, the last. Empty when the text is no object. */
export function memberSpans (text: string): Map<string, { start: number, end: number }> {
  const spans = new Map<string, { start: number, end: number }>()
  let position = skipSpace(text, 0)
  if (text[position] !== '{') return spans
  position = skipSpace(text, position + 1)
  while (text[position] === '"') {
    const keyEnd = endOfString(text, position)
    const key = JSON.parse(text.slice(position, keyEnd)) as string
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const end = endOfValue(text, start)
    spans.set(key, { start, end })
    position = skipSpace(text, skipSpace(text, end) + 1)
  }
  return spans
}

function endOfValue (text: string, start: number): number {
  const first = text[start]
  if (first === '"') return endOfString(text, start)
  if (first !== '{' && first !== '[') return lastIndexAfter(/[^,}\]\s]*/y, text, start)
  const structure = /["{}[\]]/g
  structure.lastIndex = start
  let depth = 0
  for (let mark = structure.exec(text); mark !== null; mark = structure.exec(text)) {
    if (mark[0] === '"') structure.lastIndex = endOfString(text, mark.index)
    else depth += mark[0] === '{' || mark[0] === '[' ? 1 : -1
    if (depth === 0) return structure.lastIndex
  }
  return text.length
}

/** The position after the closing quote. */
function endOfString (text: string, start: number): number {
  let quote = text.indexOf('"', start + 1)
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1)
  return quote === -1 ? text.length : quote + 1
}

function isEscaped (text: string, position: number): boolean {
  let first = position
  while (text[first - 1] === '\\') first--
  return (position - first) % 2 === 1
}

function skipSpace (text: string, start: number): number {
  return lastIndexAfter(/[ \t\n\r]*/y, text, start)
}

function lastIndexAfter (pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start
  pattern.test(text)
  return pattern.lastIndex
}
