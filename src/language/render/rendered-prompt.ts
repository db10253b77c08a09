/**
 * A prompt before tokenising. Control tokens are looked for in template pieces only, so that `<think>` typed by a user
 * stays text; neighbouring pieces between two control tokens are tokenised as one string, so that benign text
 * keeps the ids it would have had (V4 encoding, section 8).
 */
export interface Piece {
  kind: 'template' | 'data'
  text: string
}

export interface RenderedPrompt {
  pieces: Piece[]
  /** Where the model's own text begins: what the parser must start in. `plain` is no chat at all: whatever the model writes is text. */
  start: 'reasoning' | 'content' | 'tool-calls' | 'plain'
  /** True when the model continues an assistant message: leading newlines are then part of the answer. */
  isContinuation: boolean
}

export function promptText (prompt: RenderedPrompt): string {
  return prompt.pieces.map(piece => piece.text).join('')
}
