import type { ToolDefinition } from '../../../src/language/conversation.js'
import { type AnswerParserOptions, createAnswerParser } from '../../../src/language/parse/answer-parser.js'
import { collectAnswer } from '../../../src/language/parse/collect-answer.js'

export interface ReadOptions extends Partial<AnswerParserOptions> {
  end?: 'stop' | 'length'
}

/** An answer whose text arrives in these pieces; by default in chat mode, with tools parsed and none declared. */
export function readAnswer (pieces: readonly string[], { end = 'stop', ...options }: ReadOptions = {}) {
  const parser = createAnswerParser({ start: 'content', isContinuation: false, tools: [], parsesTools: true, ...options })
  const events = pieces.flatMap(piece => parser.push(piece))
  const { reasoning, content, toolCalls } = collectAnswer([...events, ...parser.end(end)])
  return { reasoning, content, calls: toolCalls }
}

export function tool (name: string, properties: Record<string, string> = {}): ToolDefinition {
  const schemas = Object.entries(properties).map(([key, type]) => [key, new Map([['type', type]])] as const)
  return { name, description: null, parameters: new Map<string, string | Map<string, Map<string, string>>>([['type', 'object'], ['properties', new Map(schemas)]]), isStrict: false }
}
