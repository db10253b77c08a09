/** A vector's messages as a Conversation: what the chat dialect makes of the same request. */
import type { Conversation, Message, QuickTask, ToolCall, ToolDefinition } from '../../../src/language/conversation.js'
import { JsonNumber, type JsonObject, type JsonValue } from '../../../src/language/json/json-value.js'
import { toPythonJson } from '../../../src/language/json/python-json.js'
import { asObject, asString, objectsOf, textOf } from '../vectors.js'

export function toToolDefinition (tool: JsonObject): ToolDefinition {
  const shape = asObject(tool.get('function') ?? tool)
  const description = shape.get('description')
  return {
    name: asString(shape.get('name')),
    description: typeof description === 'string' ? description : null,
    parameters: shape.get('parameters') ?? null,
    isStrict: shape.get('strict') === true
  }
}

export function toVectorConversation (messages: JsonObject[], tools: JsonObject[] = []): Conversation {
  const format = messages.map(message => message.get('response_format')).find(value => value instanceof Map)
  return {
    messages: messages.map(toMessage),
    tools: [...tools, ...messages.flatMap(message => objectsOf(message.get('tools')))].map(toToolDefinition),
    toolChoice: { kind: 'auto' },
    allowsParallelToolCalls: true,
    responseFormat: format instanceof Map ? format : null
  }
}

function toMessage (message: JsonObject): Message {
  const role = asString(message.get('role'))
  const content = contentText(message.get('content'))
  const task = message.get('task')
  const taskField = typeof task === 'string' ? { task: task as QuickTask } : {}
  switch (role) {
    case 'system':
    case 'latest_reminder': return { role, content }
    case 'user': return { role, content, ...taskField }
    case 'tool': return { role, toolCallId: textOf(message.get('tool_call_id')), content }
    case 'assistant': {
      const reasoning = message.get('reasoning_content')
      return {
        role,
        content,
        reasoning: typeof reasoning === 'string' ? reasoning : null,
        toolCalls: objectsOf(message.get('tool_calls')).map(toToolCall),
        isPrefix: isTrue(message.get('wo_eos')),
        ...taskField
      }
    }
    default: throw new Error(`Not of the serving form: ${role}`)
  }
}

function toToolCall (call: JsonObject): ToolCall {
  const shape = asObject(call.get('function') ?? call)
  const given = shape.get('arguments')
  return { id: textOf(call.get('id')), name: asString(shape.get('name')), argumentsText: typeof given === 'string' ? given : toPythonJson(given ?? null) }
}

export function contentText (content: JsonValue | undefined): string {
  if (!Array.isArray(content)) return textOf(content)
  return content.map(asObject).map(part => part.get('type') === 'text' ? textOf(part.get('text')) : `[Unsupported ${asString(part.get('type'))}]`).join('\n\n')
}

export function isTrue (value: JsonValue | undefined): boolean {
  return value === true || (value instanceof JsonNumber && value.toNumber() !== 0)
}
