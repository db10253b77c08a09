/** GET /models: the union of what DeepSeek, OpenAI, vLLM and OpenRouter clients look for in a model. */
import type { FastifyPluginAsync } from 'fastify'
import type { Tier } from '../../../workers/contract/job.js'
import { maxCompletionTokens } from '../../dialects/chat/request-schema.js'
import { GatewayError } from '../../errors.js'
import { canonicalModelNames, publicModelNames, resolveModel } from '../../policy/model-name.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'

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
    return model === null ? null : model.tier ?? settings.defaultTier
  }

  async function listModels (): Promise<object> {
    const ids = [...new Set([canonicalModelNames.pro, canonicalModelNames.flash, ...publicModelNames])]
    return { object: 'list', data: ids.map(id => describeModel(id, tierOf(id) ?? settings.defaultTier)) }
  }

  for (const prefix of ['', '/v1', '/beta']) {
    app.get(`${prefix}/models`, listModels)
    // A wildcard, since ids may contain slashes, encoded or not.
    app.get<{ Params: { '*': string } }>(`${prefix}/models/*`, async request => {
      const id = request.params['*'].replace(/\/+$/, '')
      const tier = tierOf(id)
      if (tier === null) throw new GatewayError('model_not_found', `The model '${id.slice(0, 200)}' does not exist`, { parameter: 'model' })
      return describeModel(id, tier)
    })
  }
}
