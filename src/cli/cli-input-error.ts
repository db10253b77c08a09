/** The person at the keyboard (or the line on stdin) is wrong: one clear line on stderr, exit code 2, no stack. */
export class CliInputError extends Error {
  override readonly name = 'CliInputError'
}
