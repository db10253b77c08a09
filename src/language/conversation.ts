/**
 * What every dialect is turned into, and what a prompt is rendered from.
 *
 * Content is plain text by now: a dialect has already joined the text parts of a list and named what it cannot carry.
 * JSON that the model will read (tool schemas, a response format) keeps its key order and number spelling,
 * hence JsonValue instead of plain objects.
 */
import type { JsonObject, JsonValue } from './json/json-value.js'

/** How hard to think; `none` means thinking off. */
export type Effort = 'none' | 'low' | 'high' | 'max'

/** Which effort texts a checkpoint was trained with (V4 encoding, section 5). */
export type EffortLadder = 'preview' | '0731'

/** Internal one-word tasks of V4 (V4 encoding, section 8); only the reference vectors and `gearbox render` use them. */
export type QuickTask = 'action' | 'query' | 'authority' | 'domain' | 'title' | 'read_url'

export interface ToolCall {
  id: string
  name: string
  /** JSON text as the client sent it; need not parse. */
  argumentsText: string
  /** The model's own text of this call's invoke block, when we generated it: replayed byte for byte. Empty counts as none. */
  replayText?: string
  /** What the engine that made the call named it, when it named its calls itself. */
  engineId?: string
}

export type AssistantMessage = Extract<Message, { role: 'assistant' }>

export type Message =
  | { role: 'system', content: string }
  | { role: 'latest_reminder', content: string }
  | { role: 'user', content: string, task?: QuickTask }
  | { role: 'tool', toolCallId: string, content: string }
  | {
    role: 'assistant'
    content: string
    /** null when the client sent none. */
    reasoning: string | null
    toolCalls: ToolCall[]
    /** Last message only: the model continues this text. */
    isPrefix: boolean
    /** Only `title` is asked for after an answer. */
    task?: QuickTask
  }

export interface ToolDefinition {
  name: string
  /** null when the caller gave none: the model then sees none. */
  description: string | null
  /** JSON Schema as received; null when the caller gave none. */
  parameters: JsonValue | null
  isStrict: boolean
}

export type ToolChoice = { kind: 'auto' } | { kind: 'none' } | { kind: 'required' } | { kind: 'named', name: string }

export interface Conversation {
  messages: Message[]
  tools: ToolDefinition[]
  toolChoice: ToolChoice
  allowsParallelToolCalls: boolean
  /** The object dumped under `## Response Format:`; null for plain text. */
  responseFormat: JsonObject | null
}
