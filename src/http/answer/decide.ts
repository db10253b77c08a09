/** Asks the policy, with what this gateway serves and how it is configured. */
import type { Tier } from '../../../workers/contract/job.js'
import type { DialectRules } from '../../dialects/answer-request.js'
import { GatewayError } from '../../errors.js'
import type { Conversation } from '../../language/conversation.js'
import { chooseEffort, type EffortChoice } from '../../policy/choose-effort.js'
import { chooseTier, type TierChoice, type TierReason } from '../../policy/choose-tier.js'
import type { ThinkingRequest } from '../../policy/effort-word.js'
import { publicModelNames, resolveModel } from '../../policy/model-name.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { isToolForced } from './answer-constraint.js'
import type { CallerPreferences } from './caller-preferences.js'
import type { CascadeFailure } from './check-answer.js'
import type { Circumstances } from './circumstances.js'

/** A cascade's reason is known only when its first answer was checked. */
export type AnswerReason = TierReason | 'cascade-kept' | CascadeFailure

export interface Decision {
  choice: Omit<TierChoice, 'reason'> & { reason: AnswerReason }
  effort: EffortChoice
}

export interface Asked {
  model: string
  thinking: ThinkingRequest
  conversation: Conversation
  rules: Pick<DialectRules, 'wantsReasoningBack'>
}

export interface DecisionInputs extends Pick<GatewayDependencies, 'settings' | 'tiers'> {
  asked: Asked
  preferences: CallerPreferences
  circumstances: Circumstances
}

/** @throws GatewayError unsupported_model; invalid_value where DeepSeek refuses a combination and the settings say so */
export function decide ({ asked, preferences, circumstances: { effortCap, ...circumstances }, settings, tiers }: DecisionInputs): Decision {
  const names: Record<Tier, string> = { pro: tiers.pro.checkpoint.name, flash: tiers.flash.checkpoint.name }
  const { defaultModel = null } = settings
  const model = resolveModel(asked.model, names) ?? (defaultModel === null ? null : resolveModel(defaultModel, names))
  if (model === null) {
    throw new GatewayError('unsupported_model', `The supported API model names are ${publicModelNames.join(', ')}, but you passed ${asked.model.slice(0, 200)}.`, { parameter: 'model' })
  }
  const effortInputs = {
    body: asked.thinking,
    headerWord: preferences.effort,
    modelIsThinking: model.isThinking,
    isToolForced: isToolForced(asked.conversation.toolChoice),
    xhighEffort: settings.xhighEffort,
    cap: effortCap
  }
  const choice = chooseTier({
    modelTier: model.tier,
    headerTier: preferences.tier,
    // Before the tier is known so is its ladder; the newer one keeps the most distinctions.
    effort: chooseEffort({ ...effortInputs, isToolForced: false, ladder: '0731' }),
    ...circumstances,
    policy: settings.policy
  })
  const served = tiers[choice.tier]
  const { forcedToolChoice = 'think-first' } = settings
  // Without a grammar only the end of the prompt can force a call, and reasoning would come before it.
  const thinksFirst = forcedToolChoice === 'think-first' && served.checkpoint.constraints?.includes('structural-tag') === true
  const effort = chooseEffort({ ...effortInputs, isToolForced: effortInputs.isToolForced && !thinksFirst, ladder: served.language.ladder })
  if (effort.reason === 'tool-choice' && forcedToolChoice === 'refuse') {
    throw new GatewayError('invalid_value', 'Thinking mode does not support this tool_choice', { parameter: 'tool_choice' })
  }
  if (settings.reasoningReplay === 'strict' && asked.rules.wantsReasoningBack && effort.effort !== 'none') requireReasoning(asked.conversation)
  return { choice, effort }
}

function requireReasoning ({ tools, messages }: Conversation): void {
  if (tools.length === 0) return
  const index = messages.findIndex(message => message.role === 'assistant' && message.reasoning === null)
  if (index === -1) return
  throw new GatewayError('invalid_value', 'The `reasoning_content` in the thinking mode must be passed back to the API.', { parameter: `messages[${index}].reasoning_content` })
}
