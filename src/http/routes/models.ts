/** GET /models: the union of what DeepSeek, OpenAI, vLLM and OpenRouter clients look for in a model. */
import type { FastifyPluginAsync } from 'fastify'
import type { Tier } from '../../../workers/contract/job.js'
import { maxCompletionTokens } from '../../dialects/sampling-fields.js'
import { GatewayError } from '../../errors.js'
import { defaultModelMap, mappedModel } from '../../policy/mapped-model.js'
import { canonicalModelNames, publicModelNames, resolveModel } from '../../policy/model-name.js'
import { speaksAnthropic } from '../client-dialect.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'
import { anthropicModel, anthropicModelList, listedNames, type AnthropicModel } from './anthropic-models.js'

/** 2026-04-24, the day V4 was published; OpenAI's schema requires a date. */
const createdSeconds = 1_776_988_800

export const modelsRoute: FastifyPluginAsync<{ dependencies: GatewayDependencies }> = async (app, { dependencies }) => {
  const { tiers, settings } = dependencies
  const names: Record<Tier, string> = { pro: tiers.pro.checkpoint.name, flash: tiers.flash.checkpoint.name }

  function describeModel (id: string, tier: Tier): object {
    const { checkpoint, language } = tiers[tier]
    return {
      id,
      object: 'model',
      created: createdSeconds,
      owned_by: 'deepseek',
      name: checkpoint.name,
      context_window: checkpoint.contextTokens,
      max_output_tokens: Math.min(maxCompletionTokens, checkpoint.contextTokens),
      max_model_len: checkpoint.contextTokens,
      context_length: checkpoint.contextTokens,
      input_modalities: ['text'],
      output_modalities: ['text'],
      effort: { supported_levels: language.ladder === 'preview' ? ['high', 'max'] : ['low', 'high', 'max'], default_level: 'high' },
      tier,
      checkpoint: { name: checkpoint.name, revision: checkpoint.revision, trained: checkpoint.trained }
    }
  }

  const tierOf = (id: string): Tier | null => {
    const model = resolveModel(id, names)
    return model === null ? null : model.tier ?? settings.policy.defaultTier
  }

  const claudeMap = settings.anthropicModels ?? defaultModelMap
  const ids = [...new Set([canonicalModelNames.pro, canonicalModelNames.flash, ...publicModelNames])]
  const anthropicIds = [...new Set([...ids, ...listedNames(claudeMap)])]
  const describeForAnthropic = (id: string, tier: Tier): AnthropicModel => anthropicModel({ id, tier, checkpoint: tiers[tier].checkpoint, createdSeconds })

  for (const prefix of ['', '/v1', '/beta', '/anthropic/v1']) {
    app.get(`${prefix}/models`, async request => {
      if (!speaksAnthropic(request)) return { object: 'list', data: ids.map(id => describeModel(id, tierOf(id) ?? settings.policy.defaultTier)) }
      return anthropicModelList(anthropicIds.map(id => describeForAnthropic(id, tierOf(mappedModel(id, claudeMap)) ?? settings.policy.defaultTier)))
    })
    // A wildcard, since ids may contain slashes, encoded or not.
    app.get<{ Params: { '*': string } }>(`${prefix}/models/*`, async request => {
      const id = request.params['*'].replace(/\/+$/, '')
      const isAnthropic = speaksAnthropic(request)
      const tier = tierOf(isAnthropic ? mappedModel(id, claudeMap) : id)
      if (tier === null) throw new GatewayError('model_not_found', `The model '${id.slice(0, 200)}' does not exist`, { parameter: 'model' })
      return isAnthropic ? describeForAnthropic(id, tier) : describeModel(id, tier)
    })
  }
}
