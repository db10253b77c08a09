/**
 * What an answer with tool calls looks like, as a structural tag: the description of answers that xgrammar began, and that
 * engines enforce. Text goes first until a call begins; then come calls of the offered tools, one line end between them,
 * each parameter as its tool's schema has it; then the end of the block, and of the answer.
 */
import { dsml } from '../control-tokens.js'
import type { ToolDefinition } from '../conversation.js'
import type { JsonObject, JsonValue } from '../json/json-value.js'
import { toPlainJson } from '../json/plain-json.js'
import { looseSchema } from './loose-schema.js'
import type { RenderedPrompt } from './rendered-prompt.js'
import { toolCallsOpener } from './tool-calls.js'

export interface CallRules {
  tools: readonly ToolDefinition[]
  /** The answer must be calls. */
  isForced: boolean
  allowsParallelToolCalls: boolean
  /** Where the prompt ends; `tool-calls` = the block is open already. */
  start: RenderedPrompt['start']
  /** An answer without calls is JSON of this schema; null = it is text. */
  answerSchema: JsonValue | null
}

type Format = Readonly<Record<string, unknown>>

const blockTag = `<${dsml}tool_calls>\n`
const blockEnd = `\n</${dsml}tool_calls>`

/**
 * The tag begins where the answer's content does: after reasoning, if there is any.
 *
 * What triggers it is the beginning of any tool tag, since a reader takes also misspelled tags, and calls without a
 * block, for calls.
 */
export function toolCallTag ({ tools, isForced, allowsParallelToolCalls, start, answerSchema }: CallRules): Format {
  const calls = { type: 'tags_with_separator', tags: tools.map(invokeTag), separator: '\n', at_least_one: true, stop_after_first: !allowsParallelToolCalls }
  if (start === 'tool-calls') return structuralTag({ type: 'sequence', elements: [calls, { type: 'const_string', value: blockEnd }] })
  const block = { type: 'tag', begin: toolCallsOpener, content: calls, end: blockEnd }
  if (isForced) return structuralTag(block)
  if (answerSchema !== null) return structuralTag({ type: 'or', elements: [block, { type: 'json_schema', json_schema: toPlainJson(answerSchema) }] })
  return structuralTag({ type: 'triggered_tags', triggers: [`<${dsml}`], tags: [{ ...block, begin: blockTag }], stop_after_first: true })
}

function structuralTag (format: Format): Format {
  return { type: 'structural_tag', format }
}

function invokeTag (tool: ToolDefinition): Format {
  return {
    type: 'tag',
    begin: `<${dsml}invoke name="${tool.name}">\n`,
    content: { type: 'json_schema', json_schema: toPlainJson(schemaOf(tool)), style: 'deepseek_xml' },
    end: `</${dsml}invoke>`
  }
}

/** Strict tools are held to all that their schema says. */
function schemaOf ({ parameters, isStrict }: ToolDefinition): JsonValue | JsonObject {
  return isStrict && parameters !== null ? parameters : looseSchema(parameters)
}
