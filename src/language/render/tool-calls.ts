/** Calls that an assistant made earlier, as the model would have written them (V4 encoding, section 7.1). */
import { dsml } from '../control-tokens.js'
import type { ToolCall } from '../conversation.js'
import type { JsonObject, JsonValue } from '../json/json-value.js'
import { parseJson } from '../json/parse-json.js'
import { toPythonJson } from '../json/python-json.js'
import type { PromptWriter } from './prompt-writer.js'

/** Also what a prompt ends with to force a call. */
export const toolCallsOpener = `\n\n<${dsml}tool_calls>\n`

export function writeToolCalls (writer: PromptWriter, calls: readonly ToolCall[]): void {
  if (calls.length === 0) return
  writer.template(toolCallsOpener)
  for (const [index, call] of calls.entries()) {
    if (index > 0) writer.template('\n')
    if (call.replayText !== undefined && call.replayText !== '') writeReplay(writer, call.replayText)
    else writeInvoke(writer, call)
  }
  writer.template(`\n</${dsml}tool_calls>`)
}

function writeInvoke (writer: PromptWriter, call: ToolCall): void {
  writer.template(`<${dsml}invoke name="`)
  writer.data(call.name)
  writer.template('">\n')
  const parameters = parametersOf(call.argumentsText)
  for (const [name, value] of parameters) {
    const isString = typeof value === 'string'
    writer.template(`<${dsml}parameter name="`)
    writer.data(name)
    writer.template(`" string="${isString}">`)
    writer.data(isString ? value : toPythonJson(value))
    writer.template(`</${dsml}parameter>\n`)
  }
  // The reference joins parameters by newlines and puts one on either side, hence an empty line for none.
  writer.template(parameters.size === 0 ? `\n</${dsml}invoke>` : `</${dsml}invoke>`)
}

/**
 * The top-level members, in order. Text that is no object becomes one parameter `arguments`, so that the model sees
 * what went wrong; nothing at all ("", null) becomes no parameter, and JSON inside a JSON string is opened.
 */
function parametersOf (argumentsText: string): JsonObject {
  let value = parsedOrText(argumentsText)
  if (typeof value === 'string') value = parsedOrText(value)
  if (value instanceof Map) return value
  if (value === null || value === '') return new Map()
  return new Map([['arguments', argumentsText]])
}

function parsedOrText (text: string): JsonValue {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

const closingTag = `</${dsml} ?(?:invoke|parameter)>`
const anyTag = new RegExp(`<${dsml} ?(?:invoke|parameter) name="|${closingTag}`)
const tagThatEndsValue = new RegExp(closingTag)

/** The model's own bytes; only its tags are template, since names and values may quote control tokens. */
function writeReplay (writer: PromptWriter, text: string): void {
  let rest = text
  for (let match = anyTag.exec(rest); match !== null;) {
    const [tag] = match
    writer.data(rest.slice(0, match.index))
    writer.template(tag)
    rest = rest.slice(match.index + tag.length)
    match = (tag.endsWith('parameter name="') ? tagThatEndsValue : anyTag).exec(rest)
  }
  writer.data(rest)
}
