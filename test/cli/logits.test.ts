import { readFile } from 'node:fs/promises'
import t from 'tap'
import { runLogits } from '../../src/cli/logits.js'
import { writeTinyGolden } from '../workers/engines/v4/checkpoint/tiny-golden-weights.js'
import { runCommand } from './run-command.js'

const golden = JSON.parse(await readFile('test/fixtures/vectors/v4-tiny-golden.json', 'utf8')) as { tokens: number[], exact: { logits_pos40: number[] }, qat_sim: { logits_pos40: number[] } }
const directory = t.testdir()
await writeTinyGolden(directory)

async function logits (...flags: string[]): Promise<number[][]> {
  const [line, ...others] = await runCommand(runLogits, ['--checkpoint', directory, '--tokens', golden.tokens.join(','), ...flags], [])
  if (line === undefined || others.length > 0) throw new Error('expected one line')
  return (JSON.parse(line) as { logits: number[][] }).logits
}

function worst (left: readonly number[], right: readonly number[]): number {
  return left.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (right[i] ?? NaN))), 0)
}

await t.test('one row a position, the golden ones, whatever ranks and chunks', async t => {
  for (const mode of ['exact', 'qat_sim'] as const) {
    for (const flags of [[], ['--ranks', '2', '--chunk', '7'], ['--arithmetic', 'f32', '--chunk', '1000']]) {
      const rows = await logits('--mode', mode, ...flags)
      t.equal(rows.length, 41)
      t.ok(worst(golden[mode].logits_pos40, rows[40] ?? []) < 1e-5, `${mode} ${flags.join(' ')}`)
    }
  }
})

await t.test('more tokens than the context are computed all the same', async t => {
  const [line = ''] = await runCommand(runLogits, ['--checkpoint', directory, '--arithmetic', 'f32', '--tokens', Array.from({ length: 300 }, (_, i) => i % 32).join(',')], [])
  t.equal((JSON.parse(line) as { logits: number[][] }).logits.length, 300)
})

await t.test('bad input is told in one line', async t => {
  const cases: [string[], RegExp][] = [
    [['--tokens', '1'], /^--checkpoint is required$/],
    [['--checkpoint', directory], /^--tokens is required$/],
    [['--checkpoint', directory, '--tokens', '1,x'], /"x" is none$/],
    [['--checkpoint', directory, '--tokens', '1,'], /"" is none$/],
    [['--checkpoint', directory, '--tokens', '1,-2'], /"-2" is none$/],
    [['--checkpoint', directory, '--tokens', '32'], /token id 32 is outside the vocabulary of 32$/],
    [['--checkpoint', directory, '--tokens', '1', '--mode', 'fast'], /^--mode fast is not one of exact, qat_sim$/],
    [['--checkpoint', directory, '--tokens', '1', '--ranks', '0'], /^--ranks must be a whole number from 1 on, not 0$/],
    [['--checkpoint', directory, '--tokens', '1', '--ranks', '65'], /at most 64/],
    [['--checkpoint', directory, '--tokens', '1', '--chunk', '0'], /^--chunk /],
    [['--checkpoint', t.testdir(), '--tokens', '1'], /has no config\.json$/]
  ]
  for (const [argv, message] of cases) await t.rejects(runCommand(runLogits, argv, []), { name: 'CliInputError', message })
  await t.rejects(runCommand(runLogits, ['--nonsense'], []), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
})
