/**
 * One answer as every dialect receives it: parts in order accepted, progress*, finished. Pieces are append-only.
 */
import type { AnswerEvent } from '../language/parse/answer-event.js'

/** An AnswerEvent whose tool calls have the id that the client will send back. */
export type AnswerPiece =
  | Exclude<AnswerEvent, { type: 'tool-call-start' }>
  | { type: 'tool-call-start', index: number, id: string, name: string }

export interface TokenLabel {
  token: string
  logprob: number
  bytes: number[]
}

export interface LabelledToken extends TokenLabel {
  top_logprobs: TokenLabel[]
}

/** The tokens whose text these pieces complete, by channel. */
export interface AnswerLogprobs {
  content: LabelledToken[]
  reasoning: LabelledToken[]
}

export interface AnswerUsage {
  promptTokens: number
  cachedTokens: number
  /** Includes reasoning. */
  completionTokens: number
  reasoningTokens: number
  /** Absent = the gateway, from token ids. `engine`: an engine that only speaks chat says so; `estimate`: it said nothing, and its text was counted. */
  countedBy?: 'engine' | 'estimate'
  /** Only where the caller asked to be told. */
  costNanoUsd?: number
}

export type AnswerFinish = 'stop' | 'length' | 'tool_calls'

export type AnswerPart =
  | { type: 'accepted', workerId: string, checkpoint: string, cachedTokens: number | null, queueMs: number }
  /**
   * `choice`: which of several alternatives this belongs to, from 0; absent = the only one. Alternatives interleave; each but
   * the last to end does so in a progress that has its `finish`.
   */
  | { type: 'progress', pieces: AnswerPiece[], logprobs: AnswerLogprobs | null, choice?: number, finish?: AnswerFinish }
  /** The last part. `stopString`: the caller's own string that ended the answer. `usage` counts all alternatives, and their prompt once; `costNanoUsd` is what the key was charged. */
  | { type: 'finished', finish: AnswerFinish, stopString: string | null, usage: AnswerUsage, choice?: number, costNanoUsd?: number }

export type AcceptedPart = Extract<AnswerPart, { type: 'accepted' }>
export type ProgressPart = Extract<AnswerPart, { type: 'progress' }>
export type FinishedPart = Extract<AnswerPart, { type: 'finished' }>

/** What is the same in every chunk and in the whole of one answer. */
export interface AnswerIdentity {
  /** UUID of the answer. */
  id: string
  /** Seconds since 1970. */
  created: number
  model: string
  systemFingerprint: string
  /** Thinking off = no reasoning field and no reasoning count at all. */
  isThinking: boolean
}
