/** What a command may touch, so that tests run it without a process. */
export interface CliIo {
  /** Lines of standard input, without their newline. */
  lines: AsyncIterable<string>
  write: (text: string) => void
  writeError: (text: string) => void
}
