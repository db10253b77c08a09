/** Runs a command without a process: lines in, what it wrote out. */
import type { CliIo } from '../../src/cli/cli-io.js'

type Command = (argv: string[], io: CliIo) => Promise<void>

export async function runCommand (command: Command, argv: string[], lines: string[]): Promise<string[]> {
  const written: string[] = []
  async function * input (): AsyncGenerator<string> { yield * lines }
  await command(argv, { lines: input(), write: text => { written.push(text) }, writeError: () => {} })
  return written.join('').split('\n').filter(line => line !== '')
}
