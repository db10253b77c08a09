/** A constraint this engine cannot honour, or one that nothing could; the message names the place in it. */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError'
}
