/** Sampling as a caller asked for it, whatever the dialect; null = not said. */
export interface RequestedSampling {
  maxTokens: number | null
  minTokens: number | null
  temperature: number | null
  topP: number | null
  topK: number | null
  minP: number | null
  seed: number | null
  presencePenalty: number | null
  frequencyPenalty: number | null
  repetitionPenalty: number | null
  logitBias: Record<string, number> | null
  stopTokenIds: number[]
  /** Alternatives to report for each token; null = no log-probabilities. */
  logprobs: number | null
}
