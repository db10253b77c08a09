import { beginOfSentence, fillInTheMiddle } from '../control-tokens.js'
import { PromptWriter } from './prompt-writer.js'
import type { RenderedPrompt } from './rendered-prompt.js'

/**
 * Fill in the middle: the model writes what stands between prefix and suffix, without chat tokens or thinking
 * (V4 encoding, section 8). That the begin token comes first is V3's habit; V4's is not published.
 */
export function renderFim ({ prefix, suffix }: { prefix: string, suffix: string }): RenderedPrompt {
  const writer = new PromptWriter()
  writer.template(beginOfSentence + fillInTheMiddle.begin)
  writer.data(prefix)
  writer.template(fillInTheMiddle.hole)
  writer.data(suffix)
  writer.template(fillInTheMiddle.end)
  return { pieces: writer.pieces, start: 'plain', isContinuation: true }
}
