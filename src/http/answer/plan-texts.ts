/** From a completion request to jobs: raw text, a gap to fill, or ids as they came; nothing of a chat. */
import type { Tier } from '../../../workers/contract/job.js'
import { completionRules, type CompletionPrompt, type CompletionRequest } from '../../dialects/completions/completion-request.js'
import { GatewayError } from '../../errors.js'
import type { CheckpointLanguage } from '../../language/checkpoint-language.js'
import { renderFim } from '../../language/render/fim.js'
import { renderPlainText } from '../../language/render/plain-text.js'
import type { RenderedPrompt } from '../../language/render/rendered-prompt.js'
import type { GatewaySettings, ServedTier } from '../gateway-dependencies.js'
import { jobOf, type AnswerPlan } from './plan-answer.js'

/** DeepSeek's cap for completions. */
const defaultMaxTokens = 4096

export interface PlanTextsInputs {
  jobId: string
  request: CompletionRequest
  tier: Tier
  served: ServedTier
  settings: GatewaySettings
  cacheSalt: string | null
  /** Higher goes first; 0 = as everybody. */
  priority: number
  owner: string | null
  session: string | null
}

/**
 * One plan for each prompt.
 *
 * @throws GatewayError context_length_exceeded, invalid_value
 */
export async function planTexts (inputs: PlanTextsInputs): Promise<AnswerPlan[]> {
  const { request, served, jobId } = inputs
  return await Promise.all(request.prompts.map(async (given, index) => {
    const { prompt, tokenIds } = await tokenizePrompt(given, served.language, request.prompts.length === 1 ? 'prompt' : `prompt[${index}]`)
    const jobInputs = { ...inputs, request: { sampling: request.sampling, rules: completionRules }, jobId: index === 0 ? jobId : `${jobId}.p${index}` }
    return {
      job: jobOf(jobInputs, { tokenIds, isFree: true, defaultMaxTokens }),
      prompt,
      offeredTools: [],
      stopStrings: request.stopStrings,
      allowsParallelToolCalls: true
    }
  }))
}

/** @throws GatewayError invalid_value for an id that is not in use */
export async function tokenizePrompt (given: CompletionPrompt, language: CheckpointLanguage, path: string): Promise<{ prompt: RenderedPrompt, tokenIds: number[] }> {
  if (given.kind === 'ids') {
    requireKnownIds(given.ids, language, path)
    return { prompt: { pieces: [], start: 'plain', isContinuation: true }, tokenIds: given.ids }
  }
  const prompt = given.kind === 'gap' ? renderFim(given) : renderPlainText(given.text)
  return { prompt, tokenIds: await language.tokenize(prompt) }
}

/** @throws GatewayError invalid_value */
export function requireKnownIds (ids: readonly number[], language: CheckpointLanguage, path: string): void {
  const index = ids.findIndex(id => !isTokenId(id, language))
  if (index === -1) return
  throw new GatewayError('invalid_value', `Invalid ${path}[${index}]: ${ids[index]} is not a token id of this model, ids are below ${language.vocabularySize}`, { parameter: `${path}[${index}]` })
}

/** A vocabulary has gaps. */
function isTokenId (id: number, language: CheckpointLanguage): boolean {
  try {
    return id < language.vocabularySize && language.tokenBytes(id).length > 0
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
