/**
 * From logits to a token.
 *
 * Order: bias, penalties, tokens that may not come (by the constraint; stop ids before `minTokens`), temperature, top-k,
 * top-p, min-p, draw. Log-probabilities are of the raw logits. Nothing depends on the batch: the random number comes from the
 * job's seed and the token's position.
 */
import type { TokenLogprob } from '../../../contract/event.js'
import type { Sampling } from '../../../contract/job.js'
import { uniformAt } from './counter-random.js'
import { tokenLogprob } from './log-probabilities.js'
import { type TokenCounts } from './token-counts.js'
import { draw, type Truncation } from './truncated-draw.js'

export interface SampledToken {
  id: number
  /** Only when the job asked for log-probabilities. */
  logprob?: TokenLogprob
}

export interface SamplingMoment {
  /** Absolute position of the token to be drawn. */
  position: number
  /** Completion tokens so far. */
  generated: number
  counts: TokenCounts
  /** A bit for each token that the job's constraint allows, at least one set; absent = all. */
  allowed?: Int32Array | undefined
}

/** The sampler of one job; `logits` of every call has the vocabulary's length and is left unchanged. */
export class Sampler {
  readonly #sampling: Sampling
  readonly #seed: number
  readonly #biases: [id: number, bias: number][]
  readonly #truncation: Truncation
  readonly #adjusted: Float64Array
  readonly #changesLogits: boolean

  /** @param fallbackSeed used when the job names none */
  constructor (sampling: Sampling, vocabularySize: number, fallbackSeed: number) {
    this.#sampling = sampling
    this.#seed = sampling.seed ?? fallbackSeed
    this.#biases = Object.entries(sampling.logitBias ?? {}).map(([id, bias]) => [Number(id), bias])
    this.#truncation = {
      temperature: sampling.temperature,
      topK: sampling.topK ?? vocabularySize,
      topP: sampling.topP,
      minP: sampling.minP ?? 0
    }
    this.#adjusted = new Float64Array(vocabularySize)
    this.#changesLogits = this.#biases.length > 0 || this.#hasPenalties || sampling.minTokens !== undefined
  }

  sample (logits: Float32Array | Float64Array, moment: SamplingMoment): SampledToken {
    const adjusted = this.#changesLogits || moment.allowed !== undefined ? this.#adjust(logits, moment) : logits
    const id = this.#sampling.temperature === 0
      ? largest(adjusted)
      : draw(adjusted, this.#truncation, uniformAt(this.#seed, moment.position))
    if (this.#sampling.logprobs === undefined) return { id }
    return { id, logprob: tokenLogprob(logits, id, this.#sampling.logprobs) }
  }

  get #hasPenalties (): boolean {
    const { presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1 } = this.#sampling
    return presencePenalty !== 0 || frequencyPenalty !== 0 || repetitionPenalty !== 1
  }

  #adjust (logits: Float32Array | Float64Array, moment: SamplingMoment): Float64Array {
    const adjusted = this.#adjusted
    adjusted.set(logits)
    for (const [id, bias] of this.#biases) {
      if (id < adjusted.length) adjusted[id] = (adjusted[id] ?? 0) + bias
    }
    if (this.#hasPenalties) this.#penalise(adjusted, moment.counts)
    if (moment.allowed !== undefined) forbidOthers(adjusted, moment.allowed)
    if (moment.generated < (this.#sampling.minTokens ?? 0)) this.#holdStopsOff(adjusted)
    return adjusted
  }

  /** Where a constraint leaves nothing but stop tokens, they come all the same. */
  #holdStopsOff (adjusted: Float64Array): void {
    const stops = this.#sampling.stopTokenIds.map((id): [number, number] => [id, adjusted[id] ?? -Infinity])
    for (const [id] of stops) adjusted[id] = -Infinity
    if (adjusted.every(logit => logit === -Infinity)) for (const [id, logit] of stops) adjusted[id] = logit
  }

  /** Repetition looks at prompt and completion, presence and frequency at the completion only, as servers agree. */
  #penalise (adjusted: Float64Array, counts: TokenCounts): void {
    const { presencePenalty = 0, frequencyPenalty = 0, repetitionPenalty = 1 } = this.#sampling
    if (repetitionPenalty !== 1) {
      for (const id of counts.seen) {
        const logit = adjusted[id] ?? 0
        adjusted[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty
      }
    }
    for (const [id, times] of counts.generated) {
      adjusted[id] = (adjusted[id] ?? 0) - presencePenalty - frequencyPenalty * times
    }
  }
}

function forbidOthers (adjusted: Float64Array, allowed: Int32Array): void {
  for (let word = 0; word << 5 < adjusted.length; word++) {
    const bits = allowed[word] ?? 0
    if (bits === -1) continue
    const end = Math.min(adjusted.length, word + 1 << 5)
    if (bits === 0) adjusted.fill(-Infinity, word << 5, end)
    else for (let id = word << 5; id < end; id++) if ((bits & 1 << (id & 31)) === 0) adjusted[id] = -Infinity
  }
}

function largest (logits: ArrayLike<number>): number {
  let best = 0
  let value = -Infinity
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? -Infinity
    if (logit > value) {
      best = id
      value = logit
    }
  }
  return best
}
