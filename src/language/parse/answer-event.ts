/**
 * What the model's text means, as it arrives. Events are append-only: nothing is ever taken back, and the concatenation
 * over a whole answer does not depend on how the text was cut.
 */
export type AnswerEvent =
  | { type: 'reasoning', text: string }
  | { type: 'content', text: string }
  /** `index` counts the calls of this answer from 0. */
  | { type: 'tool-call-start', index: number, name: string }
  /** A piece of the call's arguments as JSON text. */
  | { type: 'tool-call-arguments', index: number, text: string }
  /**
   * `rawText` is what the model wrote for this call's invoke block, for exact replay; '' when it did not close the block
   * itself. `isComplete` false: cut by the token limit, so the arguments end anywhere.
   */
  | { type: 'tool-call-end', index: number, isComplete: boolean, rawText: string }
