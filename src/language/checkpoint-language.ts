/**
 * The language of one checkpoint: its tokenizer and effort ladder behind three verbs. The gateway holds one per tier.
 */
import type { Conversation, Effort, EffortLadder, ToolDefinition } from './conversation.js'
import type { AnswerEvent } from './parse/answer-event.js'
import type { RenderedPrompt } from './render/rendered-prompt.js'

export interface CheckpointLanguage {
  readonly ladder: EffortLadder
  readonly endOfSentenceId: number
  /** `</think>`: ends reasoning for certain, and starts a constraint that waits for the answer. */
  readonly thinkEndId: number
  /** Ids below this may be in use. */
  readonly vocabularySize: number

  render (conversation: Conversation, effort: Effort): RenderedPrompt

  /** Large prompts are tokenised on another thread; small ones at once. */
  tokenize (prompt: RenderedPrompt): Promise<number[]>

  /**
   * The bytes one token stands for (part of a character, perhaps): what log-probabilities are labelled with.
   *
   * @throws RangeError for an id that is not in use
   */
  tokenBytes (id: number): Uint8Array

  /** Turns the ids of one answer, as they come, into meaning. */
  openAnswer (prompt: RenderedPrompt, options: AnswerOptions): AnswerReader
}

export interface AnswerOptions {
  /** Tools the model was offered; empty = tool markup is text. */
  tools: ToolDefinition[]
  /** End the answer where one of these appears in content; never in reasoning or tool calls. */
  stopStrings: string[]
  allowsParallelToolCalls: boolean
}

/** Which channel a token belongs to, for log-probabilities and counts. `tool-call` is all markup, control tokens too. */
export type TokenChannel = 'reasoning' | 'content' | 'tool-call'

export interface AnswerReader {
  /** Feeds new ids; returns what they completed. Sets `isStopped` when a stop string (or the end of the one allowed call) was met. */
  push (ids: readonly number[]): AnswerEvent[]
  /** No more ids: releases what was held back. `length` leaves unfinished arguments unfinished, `stop` closes them. */
  end (reason: 'stop' | 'length'): AnswerEvent[]
  readonly isStopped: boolean
  /** The stop string that was met; null when none was. */
  readonly stopString: string | null
  /** Tokens before the end of reasoning, without `</think>` itself. */
  readonly reasoningTokens: number
  /** Channel of each id pushed by the last call of push(), for log-probabilities. */
  readonly lastChannels: readonly TokenChannel[]
}
