/** `gearbox tokenize`: `{text}` lines on stdin, `{ids}` lines on stdout. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { loadTokenizer } from '../language/tokenizer/load-tokenizer.js'
import type { Tokenizer } from '../language/tokenizer/tokenizer.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

const lineSchema = z.object({ text: z.string() })

/** @throws CliInputError naming the line, or the directory that holds no tokenizer */
export async function runTokenize (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options: { control: { type: 'boolean', default: false }, checkpoint: { type: 'string' } }, allowPositionals: false })
  const tokenizer = openTokenizer(values.checkpoint)
  const control = values.control ? 'token' : 'text'
  let number = 0
  for await (const line of io.lines) {
    number++
    if (line.trim() === '') continue
    io.write(`${JSON.stringify({ ids: tokenizer.encode(textOf(line, number), { control }) })}\n`)
  }
}

function openTokenizer (directory: string | undefined): Tokenizer {
  if (directory === undefined) return loadTokenizer('deepseek-v4')
  try {
    return loadTokenizer({ directory })
  } catch (error) {
    throw new CliInputError(`--checkpoint ${directory}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function textOf (line: string, number: number): string {
  const parsed = lineSchema.safeParse(jsonOf(line, number))
  if (parsed.success) return parsed.data.text
  throw new CliInputError(`line ${number}: expected {"text": "..."}`)
}

function jsonOf (line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new CliInputError(`line ${number}: not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
