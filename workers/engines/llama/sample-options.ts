/** The job's sampling in node-llama-cpp's words, step by step. */
import type { TokenLogprob } from '../../contract/event.js'
import type { Job, Sampling } from '../../contract/job.js'
import type { GenerateNext, NextToken, TokenBias } from './llama-binding.js'

/**
 * Each step draws with a seed of its own, made from the job's seed and the position: a resumed answer goes on as the
 * uninterrupted one would have, and what else runs does not matter.
 */
export function seedAt (jobSeed: number, position: number): number {
  let state = Math.imul(jobSeed | 0, 0x9e3779b1) ^ Math.imul(position + 1, 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 16), 0x7feb352d)
  state = Math.imul(state ^ (state >>> 15), 0x846ca68b)
  return (state ^ (state >>> 16)) >>> 0
}

export interface StepState {
  /** Tokens of the prompt and of the answer so far. */
  position: number
  /** The answer so far, an earlier attempt's part included: what penalties look at. */
  answer: readonly number[]
  seed: number
  tokenBias: TokenBias | null
}

/**
 * llama.cpp reports logits as its samplers left them: scaled by the temperature, cut by top-k and the like. They are what the
 * model said only when nothing was asked of the samplers, or at temperature 0, where the best of the untouched logits is taken here.
 */
export function canGiveLogprobs ({ temperature, topP, topK, minP, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0, logitBias = {}, minTokens = 0 }: Sampling): boolean {
  const isTouched = repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0 || Object.keys(logitBias).length > 0 || minTokens > 0
  const isWhole = temperature === 1 && topP === 1 && topK === undefined && (minP ?? 0) === 0
  return !isTouched && (temperature === 0 || isWhole)
}

export function generateNextOf ({ sampling }: Job, { position, answer, seed, tokenBias }: StepState): GenerateNext {
  if (sampling.logprobs !== undefined) {
    return {
      token: true,
      logits: { filter: { includeMax: true, includeSelected: true, includeTop: Math.max(1, sampling.logprobs) } },
      totalLogitWeight: true,
      options: { temperature: 1, topK: 0, topP: 1, minP: 0, seed: seedAt(seed, position) }
    }
  }
  const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = sampling
  const hasPenalty = answer.length > 0 && (repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0)
  return {
    token: true,
    options: {
      temperature: sampling.temperature,
      topK: sampling.topK ?? 0,
      topP: sampling.topP,
      minP: sampling.minP ?? 0,
      seed: seedAt(seed, position),
      ...(hasPenalty
        ? { repeatPenalty: { punishTokens: [...answer], maxPunishTokens: answer.length, penalty: repetitionPenalty, frequencyPenalty, presencePenalty } }
        : {}),
      ...(tokenBias === null ? {} : { tokenBias })
    }
  }
}

/** At temperature 0 a job with log-probabilities takes the best reported logit; the lowest id wins among equals. */
export function chosenToken (next: NextToken, { temperature, logprobs }: Sampling): number | null {
  const { token = null, logits } = next
  if (temperature !== 0 || logprobs === undefined || logits === undefined) return token
  const highest = Math.max(...logits.values())
  return Math.min(...[...logits].filter(([, logit]) => logit === highest).map(([id]) => id))
}

/** logit - highest - ln(sum of exp(logit - highest)) */
export function logprobOf (next: NextToken, token: number, alternatives: number): TokenLogprob {
  const { logits, totalLogitWeight } = next
  if (logits === undefined || totalLogitWeight === undefined) throw new Error('llama.cpp returned no logits')
  const highest = Math.max(...logits.values())
  const offset = highest + Math.log(totalLogitWeight)
  const ranked = [...logits].map(([id, logit]) => ({ id, logprob: logit - offset })).sort((left, right) => right.logprob - left.logprob)
  const own = ranked.find(({ id }) => id === token)
  if (own === undefined) throw new Error('llama.cpp returned no logit of the chosen token')
  return { logprob: own.logprob, top: ranked.slice(0, alternatives) }
}
