/**
 * Merges every spelling of "think" into one. Precedence, first that speaks wins:
 * on/off: `thinking.type`, `reasoning_effort` (none = off, others = on), `reasoning`, template arguments, `enable_thinking`;
 * effort: `reasoning_effort`, `reasoning.effort`, template arguments.
 * So `thinking: enabled` beside `reasoning_effort: none` thinks, at the default effort.
 */
import type { EffortWord, ThinkingRequest } from '../../policy/effort-word.js'
import type { ChatRequestBody } from './request-schema.js'

type ThinkingFields = Pick<ChatRequestBody, 'thinking' | 'reasoning_effort' | 'reasoning' | 'chat_template_kwargs' | 'enable_thinking'>

export function requestedThinking (body: ThinkingFields): ThinkingRequest {
  const template = body.chat_template_kwargs
  const switches = [
    switchOf(body.thinking?.type),
    impliedBy(body.reasoning_effort),
    ...switchesOfReasoning(body.reasoning),
    template?.thinking,
    template?.enable_thinking,
    impliedBy(template?.reasoning_effort),
    body.enable_thinking
  ]
  const efforts = [body.reasoning_effort, body.reasoning?.effort, template?.reasoning_effort]
  return {
    isOn: switches.find(isOn => typeof isOn === 'boolean') ?? null,
    effort: efforts.map(strength).find(effort => effort !== null) ?? null
  }
}

function switchesOfReasoning (reasoning: ThinkingFields['reasoning']): Array<boolean | null | undefined> {
  return [reasoning?.enabled, impliedBy(reasoning?.effort), impliedByBudget(reasoning?.max_tokens)]
}

/** Whether the client wants to see the reasoning; the model thinks either way. */
export function showsReasoning (body: Pick<ChatRequestBody, 'include_reasoning' | 'reasoning'>): boolean {
  return body.include_reasoning !== false && body.reasoning?.exclude !== true
}

function switchOf (type: 'enabled' | 'disabled' | undefined): boolean | undefined {
  return type === undefined ? undefined : type === 'enabled'
}

function impliedBy (word: EffortWord | null | undefined): boolean | undefined {
  return word === null || word === undefined ? undefined : word !== 'none'
}

function impliedByBudget (tokens: number | null | undefined): boolean | undefined {
  return tokens === null || tokens === undefined ? undefined : tokens > 0
}

function strength (word: EffortWord | null | undefined): ThinkingRequest['effort'] {
  return word === undefined || word === 'none' ? null : word
}
