/**
 * DeepSeek's own encoder, rule by rule (V4 encoding, section 3.1), with what it does to odd input. Production uses the
 * serving form; this one is here to prove the shared parts against vectors that only the reference explains.
 */
import { assistantStart, beginOfSentence, dsml, endOfSentence, latestReminder, thinkEnd, thinkStart, userStart } from '../../../src/language/control-tokens.js'
import type { EffortLadder } from '../../../src/language/conversation.js'
import type { JsonObject, JsonValue } from '../../../src/language/json/json-value.js'
import { parseJson } from '../../../src/language/json/parse-json.js'
import { toPythonJson } from '../../../src/language/json/python-json.js'
import { effortText } from '../../../src/language/render/effort-text.js'
import { PromptWriter } from '../../../src/language/render/prompt-writer.js'
import { writeResponseFormat, writeToolsSection } from '../../../src/language/render/tools-section.js'
import { asObject, asString, objectsOf, textOf } from '../vectors.js'
import { contentText, isTrue, toToolDefinition } from './vector-conversation.js'

export interface ReferenceOptions {
  mode: string
  ladder: EffortLadder
  effort: string | null
  dropThinking?: boolean
  context?: JsonObject[]
  addsBos?: boolean
}

export function renderReference (given: JsonObject[], options: ReferenceOptions): string {
  const { mode, ladder, effort, dropThinking = true, context = [], addsBos = true } = options
  const isThinking = mode === 'thinking'
  const merged = sortResults([...mergeTurns(context), ...mergeTurns(given)])
  const keepAll = !dropThinking || merged.some(message => objectsOf(message.get('tools')).length > 0)
  const messages = isThinking && !keepAll ? dropReasoning(merged) : merged
  const firstNew = isThinking && !keepAll ? dropReasoning(mergeTurns(context)).length : mergeTurns(context).length
  const last = lastUserIndex(messages)

  const rendered = messages.map((message, index) => {
    const isKept = keepAll || index > last
    const previousTask = index > 0 ? messages[index - 1]?.get('task') : undefined
    const thinksHere = isThinking && isKept && (previousTask === undefined || previousTask === null)
    const effortPart = index === 0 && isThinking ? effortText(ladder, effort === 'max' || effort === 'high' ? effort : 'low') : ''
    return effortPart + body(message, thinksHere) + transition(messages, index, isThinking && (keepAll || index >= last), isThinking)
  })
  return (addsBos && context.length === 0 ? beginOfSentence : '') + rendered.slice(firstNew).join('')
}

function mergeTurns (messages: JsonObject[]): JsonObject[] {
  const merged: JsonObject[] = []
  for (const message of messages) {
    const role = message.get('role')
    if (role !== 'tool' && role !== 'user') {
      merged.push(message)
      continue
    }
    const block: JsonObject = role === 'tool'
      ? new Map<string, JsonValue>([['type', 'tool_result'], ['id', textOf(message.get('tool_call_id'))], ['content', message.get('content') ?? '']])
      : new Map<string, JsonValue>([['type', 'text'], ['content', message.get('content') ?? '']])
    const blocks = openBlocks(merged.at(-1), role)
    if (blocks !== null) {
      blocks.push(block)
      continue
    }
    const turn: JsonObject = new Map<string, JsonValue>([['role', 'user'], ['blocks', [block]]])
    for (const key of ['task', 'wo_eos', 'mask']) {
      const value = message.get(key)
      if (role === 'user' && value !== undefined) turn.set(key, value)
    }
    merged.push(turn)
  }
  return merged
}

function openBlocks (previous: JsonObject | undefined, role: 'user' | 'tool'): JsonValue[] | null {
  const blocks = previous?.get('blocks')
  const isTask = typeof previous?.get('task') === 'string'
  return Array.isArray(blocks) && (role === 'tool' || !isTask) ? blocks : null
}

function sortResults (messages: JsonObject[]): JsonObject[] {
  let order = new Map<string, number>()
  for (const message of messages) {
    const calls = message.get('role') === 'assistant' ? objectsOf(message.get('tool_calls')) : []
    if (calls.length > 0) order = new Map(calls.map((call, index) => [textOf(call.get('id')), index] as const).filter(([id]) => id !== ''))
    if (!message.has('blocks')) continue
    const blocks = objectsOf(message.get('blocks'))
    const position = (block: JsonObject): number => order.get(textOf(block.get('id'))) ?? 0
    const results = blocks.filter(block => block.get('type') === 'tool_result').sort((left, right) => position(left) - position(right))
    message.set('blocks', blocks.map(block => block.get('type') === 'tool_result' ? results.shift() ?? block : block))
  }
  return messages
}

function lastUserIndex (messages: JsonObject[]): number {
  return messages.findLastIndex(message => message.get('role') === 'user' || message.get('role') === 'developer')
}

function dropReasoning (messages: JsonObject[]): JsonObject[] {
  const last = lastUserIndex(messages)
  const known = ['user', 'system', 'tool', 'latest_reminder', 'direct_search_results', 'assistant']
  return messages
    .filter((message, index) => index >= last || known.includes(asString(message.get('role'))))
    .map((message, index) => {
      if (message.get('role') !== 'assistant' || index >= last) return message
      const copy = new Map(message)
      copy.delete('reasoning_content')
      return copy
    })
}

function body (message: JsonObject, thinks: boolean): string {
  const role = message.get('role')
  if (role === 'system') return textOf(message.get('content')) + appendices(message)
  if (role === 'developer') return userStart + asString(message.get('content')) + appendices(message)
  if (role === 'latest_reminder') return latestReminder + textOf(message.get('content'))
  if (role === 'user') return userStart + objectsOf(message.get('blocks')).map(blockText).join('\n\n')
  if (role !== 'assistant') throw new Error(`Unknown role ${String(role)}`)
  const reasoning = thinks ? textOf(message.get('reasoning_content')) + thinkEnd : ''
  const end = isTrue(message.get('wo_eos')) ? '' : endOfSentence
  return reasoning + textOf(message.get('content')) + callBlock(objectsOf(message.get('tool_calls'))) + end
}

function appendices (message: JsonObject): string {
  const writer = new PromptWriter()
  writeToolsSection(writer, objectsOf(message.get('tools')).map(toToolDefinition))
  const format = message.get('response_format')
  writeResponseFormat(writer, format instanceof Map && format.size > 0 ? format : null)
  return writer.pieces.map(piece => piece.text).join('')
}

function blockText (block: JsonObject): string {
  const text = contentText(block.get('content'))
  return block.get('type') === 'tool_result' ? `<tool_result>${text}</tool_result>` : text
}

function callBlock (calls: JsonObject[]): string {
  if (calls.length === 0) return ''
  const invokes = calls.map(call => {
    const shape = asObject(call.get('function') ?? call)
    return `<${dsml}invoke name="${asString(shape.get('name'))}">\n${parameterLines(shape.get('arguments'))}\n</${dsml}invoke>`
  })
  return `\n\n<${dsml}tool_calls>\n${invokes.join('\n')}\n</${dsml}tool_calls>`
}

function parameterLines (given: JsonValue | undefined): string {
  let parameters: JsonValue
  try {
    parameters = typeof given === 'string' ? parseJson(given) : given ?? ''
  } catch {
    parameters = new Map([['arguments', given ?? '']])
  }
  return Array.from(asObject(parameters), ([name, value]) => {
    const isString = typeof value === 'string'
    return `<${dsml}parameter name="${name}" string="${isString}">${isString ? value : toPythonJson(value)}</${dsml}parameter>`
  }).join('\n')
}

function transition (messages: JsonObject[], index: number, opensThinking: boolean, isThinking: boolean): string {
  const message = messages[index]
  const next = messages[index + 1]?.get('role')
  if (next !== undefined && next !== 'assistant' && next !== 'latest_reminder') return ''
  const task = message?.get('task') ?? null
  if (task === 'action') return `${assistantStart}${isThinking ? thinkStart : thinkEnd}<｜action｜>`
  if (task !== null) return `<｜${asString(task)}｜>`
  const role = message?.get('role')
  if (role !== 'user' && role !== 'developer') return ''
  return assistantStart + (opensThinking ? thinkStart : thinkEnd)
}
