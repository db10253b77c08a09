/** `gearbox render`: chat requests on stdin, what the model is fed on stdout. */
import { parseArgs } from 'node:util'
import { GatewayError } from '../errors.js'
import type { EffortLadder } from '../language/conversation.js'
import { renderConversation } from '../language/render/render-conversation.js'
import { promptText } from '../language/render/rendered-prompt.js'
import { loadTokenizer } from '../language/tokenizer/load-tokenizer.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { parseRenderRequest } from './render-request.js'

/** @throws CliInputError naming the line */
export async function runRender (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options: { ladder: { type: 'string', default: '0731' } }, allowPositionals: false })
  const ladder = ladderOf(values.ladder)
  const tokenizer = loadTokenizer('deepseek-v4')
  let number = 0
  for await (const line of io.lines) {
    number++
    if (line.trim() === '') continue
    const { conversation, effort } = parseLine(line, { ladder, number })
    const prompt = renderConversation(conversation, { effort, ladder })
    io.write(`${JSON.stringify({ prompt: promptText(prompt), ids: tokenizer.encodePieces(prompt.pieces) })}\n`)
  }
}

function ladderOf (value: string): EffortLadder {
  if (value === 'preview' || value === '0731') return value
  throw new CliInputError(`--ladder must be preview or 0731, not ${value}`)
}

function parseLine (line: string, { ladder, number }: { ladder: EffortLadder, number: number }): ReturnType<typeof parseRenderRequest> {
  try {
    return parseRenderRequest(line, ladder)
  } catch (error) {
    if (error instanceof GatewayError) throw new CliInputError(`line ${number}: ${error.message.replaceAll('\n', ' ')}`, { cause: error })
    throw error
  }
}
