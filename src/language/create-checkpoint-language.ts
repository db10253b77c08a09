import { openAnswerReader } from './answer-reader.js'
import type { CheckpointLanguage } from './checkpoint-language.js'
import { endOfSentence, thinkEnd } from './control-tokens.js'
import type { EffortLadder } from './conversation.js'
import { renderConversation } from './render/render-conversation.js'
import { OffLoopTokenizer } from './tokenizer/off-loop-tokenizer.js'
import type { Tokenizer } from './tokenizer/tokenizer.js'

export interface LoadedLanguage extends CheckpointLanguage {
  /** Ends its tokenizer thread. */
  close (): Promise<void>
}

export interface CheckpointLanguageOptions {
  tokenizer: Tokenizer
  ladder: EffortLadder
}

/** @throws Error when the vocabulary lacks a control token that V4's prompts need */
export function createCheckpointLanguage ({ tokenizer, ladder }: CheckpointLanguageOptions): LoadedLanguage {
  const offLoop = new OffLoopTokenizer(tokenizer)
  return {
    ladder,
    endOfSentenceId: requiredId(tokenizer, endOfSentence),
    thinkEndId: requiredId(tokenizer, thinkEnd),
    vocabularySize: tokenizer.vocabularySize,
    render: (conversation, effort) => renderConversation(conversation, { effort, ladder }),
    tokenize: async prompt => await offLoop.encodePieces(prompt.pieces),
    tokenBytes: id => tokenizer.bytesOf(id),
    openAnswer: (prompt, options) => openAnswerReader(tokenizer, prompt, options),
    close: async () => { await offLoop.close() }
  }
}

function requiredId (tokenizer: Tokenizer, text: string): number {
  const id = tokenizer.idOfControl(text)
  if (id === undefined) throw new Error(`The tokenizer has no control token ${text}: this is no DeepSeek V4 vocabulary`)
  return id
}
