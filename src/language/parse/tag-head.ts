/** The rest of an opening tag, behind `name="`. Models misspell these too; a tag that never ends must not hold up the answer. */
import { dsml } from '../control-tokens.js'

export interface InvokeHead {
  name: string
  end: number
}

export interface ParameterHead extends InvokeHead {
  /** The `string` attribute; null when there is none. */
  isString: boolean | null
}

const longestInvokeHead = 256
const longestParameterHead = 1024

/** `name" … >`; without a closing quote the name ends with the tag or the line. */
export function readInvokeHead (text: string, position: number): InvokeHead | 'partial' {
  const head = text.slice(position, position + longestInvokeHead)
  const isWhole = head.length === longestInvokeHead
  const quoteOrLine = head.search(/["\n]/)
  if (quoteOrLine === -1 && !isWhole) return 'partial'
  if (head[quoteOrLine] !== '"') {
    const line = quoteOrLine === -1 ? head : head.slice(0, quoteOrLine)
    const name = line.split('>', 1)[0] ?? line
    return { name, end: position + Math.min(name.length + 1, line.length) }
  }
  const tail = head.slice(quoteOrLine + 1).search(/[>\n]/)
  if (tail === -1 && !isWhole) return 'partial'
  return { name: head.slice(0, quoteOrLine), end: position + quoteOrLine + 1 + (tail === -1 ? 0 : tail + 1) }
}

/** `name" string="true|false">`. `broken`: the tag was left unfinished, and `end` is where the next one begins. */
export function readParameterHead (text: string, position: number): ParameterHead | { brokenAt: number } | 'partial' {
  const head = text.slice(position, position + longestParameterHead)
  const quote = head.indexOf('"')
  const close = quote === -1 ? -1 : head.indexOf('>', quote)
  const nextTag = head.indexOf(dsml)
  if (nextTag !== -1 && (close === -1 || nextTag < close)) {
    return { brokenAt: position + nextTag - (head.endsWith('</', nextTag) ? 2 : 1) }
  }
  if (close === -1) return head.length < longestParameterHead ? 'partial' : { brokenAt: position + head.length }
  const tag = head.slice(0, close)
  const exact = /^(.*)" string="(true|false)"$/s.exec(tag)
  const loose = /\bstring\s*=\s*["']?(true|false)/i.exec(tag.slice(quote))
  const flag = exact?.[2] ?? loose?.[1]?.toLowerCase()
  return {
    name: exact?.[1] ?? tag.slice(0, quote),
    isString: flag === undefined ? null : flag === 'true',
    end: position + close + 1
  }
}
