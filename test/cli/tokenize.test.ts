import t from 'tap'
import { runTokenize } from '../../src/cli/tokenize.js'
import { readVectorText } from '../language/vectors.js'
import { runCommand } from './run-command.js'

async function tokenize (argv: string[], lines: string[]): Promise<number[][]> {
  return (await runCommand(runTokenize, argv, lines)).map(line => (JSON.parse(line) as { ids: number[] }).ids)
}

await t.test('agrees with the goldens of the real tokenizer', async t => {
  const goldens = readVectorText('tokenizer/dsv4_tokenizer_goldens.jsonl').trim().split('\n').slice(1)
    .map(line => JSON.parse(line) as { text: string, ids: number[] })
  t.ok(goldens.length > 100)
  t.strictSame(await tokenize(['--control'], goldens.map(({ text }) => JSON.stringify({ text }))), goldens.map(({ ids }) => ids))
})

await t.test('control tokens are text unless asked for', async t => {
  t.strictSame(await tokenize([], ['{"text":"<think>"}']), [[30, 37947, 32]])
  t.strictSame(await tokenize(['--control'], ['{"text":"<think>"}']), [[128821]])
})

await t.test('blank lines are skipped, bad ones named', async t => {
  t.strictSame(await tokenize([], ['', '{"text":""}', '  ']), [[]])
  await t.rejects(tokenize([], ['{"text":"a"}', '{"texts":"a"}']), { name: 'CliInputError', message: 'line 2: expected {"text": "..."}' })
  await t.rejects(tokenize([], ['nonsense']), { name: 'CliInputError', message: /^line 1: not JSON/ })
  await t.rejects(tokenize(['--checkpoint', 'no/such/folder'], []), { name: 'CliInputError', message: /^--checkpoint no\/such\/folder/ })
})
