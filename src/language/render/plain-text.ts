import { beginOfSentence } from '../control-tokens.js'
import { PromptWriter } from './prompt-writer.js'
import type { RenderedPrompt } from './rendered-prompt.js'

/** A text to go on with: the begin token and the text, nothing of a chat. Control tokens typed in it stay characters. */
export function renderPlainText (text: string): RenderedPrompt {
  const writer = new PromptWriter()
  writer.template(beginOfSentence)
  writer.data(text)
  return { pieces: writer.pieces, start: 'plain', isContinuation: true }
}
