/**
 * Real text of four sorts out of the installed packages, so that every clone measures the same thing.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type TextSort = 'english' | 'code' | 'chinese' | 'romance'

export const textSorts: readonly TextSort[] = ['english', 'code', 'chinese', 'romance']

const packages = new URL('../../../node_modules/', import.meta.url)

/** About `bytes` bytes of UTF-8, never more. */
export function readText (sort: TextSort, bytes: number): string {
  const whole = Buffer.from(readWhole(sort), 'utf8')
  if (whole.length < bytes) throw new Error(`Only ${whole.length} bytes of ${sort} text are installed`)
  // A character cut at the end is dropped.
  return whole.subarray(0, bytes).toString('utf8').replace(/\ufffd$/, '')
}

/** A quarter of each sort, one after the other. */
export function readMixedText (bytes: number): string {
  return textSorts.map(sort => readText(sort, bytes / textSorts.length)).join('')
}

function readWhole (sort: TextSort): string {
  switch (sort) {
    case 'english': return readFolder('fastify/docs/', '.md')
    case 'code': return readFolder('undici/lib/', '.js')
    case 'chinese': return readMessages('zh-cn') + readMessages('zh-tw')
    case 'romance': return readMessages('it') + readMessages('es')
  }
}

function readFolder (folder: string, ending: string): string {
  const root = new URL(folder, packages)
  return readdirSync(fileURLToPath(root), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending)).sort()
    .map(name => readFileSync(new URL(name, root), 'utf8')).join('\n')
}

/** The compiler's messages in other languages are prose of some 300 KB each; here as a Markdown list. */
function readMessages (language: string): string {
  const file = new URL(`typescript/lib/${language}/diagnosticMessages.generated.json`, packages)
  const messages = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  return Object.values(messages).map((message, index) => index % 20 === 0 ? `\n## ${message}\n` : `- **${index}** ${message}`).join('\n')
}
