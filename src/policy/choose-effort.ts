/**
 * How hard to think, and who said so. Pure: one decision table in test/policy/choose-effort.test.ts.
 *
 * The body wins over the header, the header over the model's name; nobody said anything = thinking on, high,
 * as DeepSeek does. A tool call that only the end of the prompt can force needs an answer that begins with the call, so
 * it switches thinking off (or is refused by the caller of this function, by configuration).
 */
import type { Effort, EffortLadder } from '../language/conversation.js'
import type { EffortWord, ThinkingRequest } from './effort-word.js'

export type EffortReason = 'asked-by-body' | 'asked-by-header' | 'model-name' | 'tool-choice' | 'capped-by-key' | 'default'

export interface EffortInputs {
  body: ThinkingRequest
  headerWord: EffortWord | null
  /** What the model's name says about thinking. */
  modelIsThinking: boolean | null
  /** tool_choice `required` or a named function, and no engine that could hold the answer to it after reasoning. */
  isToolForced: boolean
  ladder: EffortLadder
  /** DeepSeek moved `xhigh` from max to high in August 2026. The preview ladder keeps max. */
  xhighEffort: 'high' | 'max'
  /** The hardest effort that the key may ask for; null = any. */
  cap: Effort | null
}

export interface EffortChoice {
  effort: Effort
  reason: EffortReason
}

export function chooseEffort (inputs: EffortInputs): EffortChoice {
  const asked = capped(askedEffort(inputs), inputs)
  return inputs.isToolForced && asked.effort !== 'none' ? { effort: 'none', reason: 'tool-choice' } : asked
}

const hardness: readonly Effort[] = ['none', 'low', 'high', 'max']

function capped (asked: EffortChoice, { cap, ladder }: EffortInputs): EffortChoice {
  if (cap === null || hardness.indexOf(asked.effort) <= hardness.indexOf(cap)) return asked
  // The preview ladder has nothing between none and high.
  return { effort: cap === 'low' && ladder === 'preview' ? 'none' : cap, reason: 'capped-by-key' }
}

function askedEffort ({ body, headerWord, modelIsThinking, ladder, xhighEffort }: EffortInputs): EffortChoice {
  const level = (word: EffortWord | null) => effortOf(word ?? 'high', ladder, xhighEffort)
  if (body.isOn === false) return { effort: 'none', reason: 'asked-by-body' }
  if (body.effort !== null) return { effort: level(body.effort), reason: 'asked-by-body' }
  if (headerWord !== null && !(headerWord === 'none' && body.isOn === true)) return { effort: level(headerWord), reason: 'asked-by-header' }
  if (body.isOn === true) return { effort: level(null), reason: 'asked-by-body' }
  if (modelIsThinking !== null) return { effort: modelIsThinking ? level(null) : 'none', reason: 'model-name' }
  return { effort: level(null), reason: 'default' }
}

/** V4 encoding, section 5: hosted mapping before and since the 0731 checkpoints. */
export function effortOf (word: EffortWord, ladder: EffortLadder, xhighEffort: 'high' | 'max'): Effort {
  switch (word) {
    case 'none': return 'none'
    case 'minimal':
    case 'low': return ladder === 'preview' ? 'high' : 'low'
    case 'medium':
    case 'high': return 'high'
    case 'xhigh': return ladder === 'preview' ? 'max' : xhighEffort
    case 'ultra':
    case 'max': return 'max'
  }
}
