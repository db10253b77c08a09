/** What must never reach a log, whoever wrote it there: hidden in the finished line, at the last moment before it is written. */
const mask = '[redacted]'

/** In JSON lines quotes inside strings are escaped, so a value ends at a quote or a backslash. */
const patterns: Array<[pattern: RegExp, replacement: string]> = [
  // Members and headers whose value is a secret by their name.
  [/(\\?"(?:authorization|proxy-authorization|x-api-key|api[_-]?key|cookie|set-cookie|password|secret)\\?"\s*:\s*\\?")[^"\\]+/gi, `$1${mask}`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${mask}`],
  // Our own keys, and the shape that OpenAI, DeepSeek and Anthropic use.
  [/\b(gbx_|sk-)[\w-]{8,}/g, `$1${mask}`],
  // user:password@ in addresses.
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s@/"\\]+@/gi, `$1:${mask}@`],
  [/([?&](?:api[_-]?key|key|token|access_token|secret)=)[^&\s"\\]+/gi, `$1${mask}`]
]

export function redactLine (line: string): string {
  return patterns.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line)
}
