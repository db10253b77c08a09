/** A model as Anthropic's clients read it. */
import type { Tier } from '../../../workers/contract/job.js'
import { maxCompletionTokens } from '../../dialects/sampling-fields.js'
import type { ModelMap } from '../../policy/mapped-model.js'
import type { ServedCheckpoint } from '../gateway-dependencies.js'

export interface AnthropicModel {
  type: 'model'
  id: string
  display_name: string
  created_at: string
  max_input_tokens: number
  max_tokens: number
}

export function anthropicModel ({ id, tier, checkpoint, createdSeconds }: { id: string, tier: Tier, checkpoint: ServedCheckpoint, createdSeconds: number }): AnthropicModel {
  return {
    type: 'model',
    id,
    display_name: `DeepSeek V4 ${tier === 'pro' ? 'Pro' : 'Flash'} (${checkpoint.name})`,
    created_at: new Date(createdSeconds * 1000).toISOString(),
    max_input_tokens: checkpoint.contextTokens,
    max_tokens: Math.min(maxCompletionTokens, checkpoint.contextTokens)
  }
}

export function anthropicModelList (data: AnthropicModel[]): object {
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}

/** Ids to list for a map of patterns, as Claude Code shows only ids that begin with `claude`: a pattern without its stars is matched by itself. */
export function listedNames (map: ModelMap): string[] {
  return Object.keys(map).filter(pattern => /^[^*]+\*?$/.test(pattern)).map(pattern => pattern.replace(/\*$/, ''))
}
