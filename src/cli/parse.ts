/** `gearbox parse`: completions on stdin, the messages they mean on stdout. */
import { z } from 'zod'
import { endOfSentence } from '../language/control-tokens.js'
import type { ToolDefinition } from '../language/conversation.js'
import type { JsonObject, JsonValue } from '../language/json/json-value.js'
import { JsonSyntaxError, parseJson } from '../language/json/parse-json.js'
import { toPlainJson } from '../language/json/plain-json.js'
import { createAnswerParser } from '../language/parse/answer-parser.js'
import { collectAnswer } from '../language/parse/collect-answer.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

/** `thinking_mode`, `tool_prefill` and `parse_tools` are the names that test vectors use. */
const lineSchema = z.looseObject({
  text: z.string(),
  thinking: z.boolean().nullish(),
  thinking_mode: z.enum(['thinking', 'chat']).nullish(),
  tool_prefill: z.boolean().nullish(),
  parse_tools: z.boolean().nullish(),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional(), name: z.string().optional() })).nullish(),
  cuts: z.array(z.int().nonnegative()).nullish()
})
type Line = z.infer<typeof lineSchema>

/** @throws CliInputError naming the line */
export async function runParse (argv: string[], io: CliIo): Promise<void> {
  if (argv.length > 0) throw new CliInputError(`takes no arguments, but got ${argv.join(' ')}`)
  let number = 0
  for await (const text of io.lines) {
    number++
    if (text.trim() === '') continue
    const { line, tools } = readLine(text, number)
    io.write(`${JSON.stringify({ message: parseMessage(line, tools) })}\n`)
  }
}

function readLine (text: string, number: number): { line: Line, tools: ToolDefinition[] } {
  let value: JsonValue
  try {
    value = parseJson(text)
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new CliInputError(`line ${number} is not JSON: ${error.message}`, { cause: error })
    throw error
  }
  const line = lineSchema.safeParse(toPlainJson(value))
  if (!line.success) {
    const [issue] = line.error.issues
    throw new CliInputError(`line ${number}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`)
  }
  const tools = value instanceof Map ? value.get('tools') : null
  return { line: line.data, tools: (Array.isArray(tools) ? tools : []).map(toTool) }
}

/** A tool as a chat request has it, or its `function` alone. */
function toTool (tool: JsonValue): ToolDefinition {
  const outer: JsonObject = tool instanceof Map ? tool : new Map()
  const inner = outer.get('function')
  const shape = inner instanceof Map ? inner : outer
  const name = shape.get('name')
  return { name: typeof name === 'string' ? name : '', description: null, parameters: shape.get('parameters') ?? null, isStrict: false }
}

function parseMessage (line: Line, tools: ToolDefinition[]) {
  const isThinking = line.thinking ?? line.thinking_mode === 'thinking'
  const parser = createAnswerParser({
    start: line.tool_prefill === true ? 'tool-calls' : isThinking ? 'reasoning' : 'content',
    isContinuation: false,
    tools,
    parsesTools: line.parse_tools !== false
  })
  const events = cutText(line.text, line.cuts ?? []).flatMap(piece => parser.push(piece))
  // Without its end token the text was cut by a limit, and so were the arguments of a call it stops in.
  events.push(...parser.end(line.text.includes(endOfSentence) ? 'stop' : 'length'))
  const { content, reasoning, toolCalls } = collectAnswer(events)
  return {
    role: 'assistant',
    content,
    reasoning_content: reasoning,
    tool_calls: toolCalls.map(call => ({ type: 'function', function: { name: call.name, arguments: call.argumentsText } }))
  }
}

/** Positions count code points; those out of order or beyond the end make empty pieces at most. */
function cutText (text: string, cuts: readonly number[]): string[] {
  const characters = Array.from(text)
  const borders = [0, ...cuts.toSorted((left, right) => left - right), characters.length]
  return borders.slice(1).map((end, index) => characters.slice(borders[index], end).join(''))
}
