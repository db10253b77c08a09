/** What follows the system text: the tools on offer and the form of the answer (V4 encoding, sections 6 and 8). */
import { dsml, thinkEnd, thinkStart } from '../control-tokens.js'
import type { ToolDefinition } from '../conversation.js'
import type { JsonObject } from '../json/json-value.js'
import { toPythonJson } from '../json/python-json.js'
import type { PromptWriter } from './prompt-writer.js'

/** Byte-exact, the same in chat mode: the model was trained on this text. */
const beforeSchemas = `## Tools

You have access to a set of tools to help answer the user's question. You can invoke tools by writing a "<${dsml}tool_calls>" block like the following:

<${dsml}tool_calls>
<${dsml}invoke name="$TOOL_NAME">
<${dsml}parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</${dsml}parameter>
...
</${dsml}invoke>
<${dsml}invoke name="$TOOL_NAME2">
...
</${dsml}invoke>
</${dsml}tool_calls>

String parameters should be specified as is and set \`string="true"\`. For all other types (numbers, booleans, arrays, objects), pass the value in JSON format and set \`string="false"\`.

If thinking_mode is enabled (triggered by ${thinkStart}), you MUST output your complete reasoning inside ${thinkStart}...${thinkEnd} BEFORE any tool calls or final response.

Otherwise, output directly after ${thinkEnd} with tool calls or final response.

### Available Tool Schemas

`

const afterSchemas = `

You MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.
`

export function writeToolsSection (writer: PromptWriter, tools: readonly ToolDefinition[]): void {
  if (tools.length === 0) return
  writer.template(`\n\n${beforeSchemas}`)
  writer.data(tools.map(schemaLine).join('\n'))
  writer.template(afterSchemas)
}

/**
 * Name, description, parameters, in this order, so that a prefix cache meets the same bytes whatever order a client
 * serialises in. What the caller left out stays out, as in the reference; `strict` is no business of the model.
 */
function schemaLine (tool: ToolDefinition): string {
  const schema: JsonObject = new Map([['name', tool.name]])
  if (tool.description !== null) schema.set('description', tool.description)
  if (tool.parameters !== null) schema.set('parameters', tool.parameters)
  return toPythonJson(schema)
}

export function writeResponseFormat (writer: PromptWriter, format: JsonObject | null): void {
  if (format === null) return
  writer.template('\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n')
  writer.data(toPythonJson(format))
}
