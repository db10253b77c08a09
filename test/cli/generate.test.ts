import t from 'tap'
import { runGenerate } from '../../src/cli/generate.js'
import type { CliIo } from '../../src/cli/cli-io.js'
import { writeRandomCheckpoint } from '../../workers/engines/v4/checkpoint/random-checkpoint.js'

const directory = t.testdir()
await writeRandomCheckpoint(directory, { tier: 'pro' })

async function run (argv: string[]): Promise<{ out: string, err: string }> {
  const written = { out: '', err: '' }
  async function * input (): AsyncGenerator<string> {}
  const io: CliIo = { lines: input(), write: text => { written.out += text }, writeError: text => { written.err += text } }
  await runGenerate(['--checkpoint', directory, ...argv], io)
  return written
}

await t.test('an answer, its end on stderr', async t => {
  const { out, err } = await run(['--max-tokens', '8', 'Say something'])
  t.match(err, /^(length: \d+ \+ 8|stop: \d+ \+ [0-7]) tokens in \d+\.\d\d s\n$/)
  t.ok(out.endsWith('\n'))
  t.same((await run(['--max-tokens', '8', '--ranks', '2', 'Say something'])).out, out, 'two ranks say the same')
})

await t.test('raw text is continued without chat markup; reasoning goes to stderr', async t => {
  const raw = await run(['--raw', '--max-tokens', '4', '--temperature', '1', '--seed', '5', 'abc'])
  t.match(raw.err, /: 4 \+ \d tokens/, 'begin of sentence and three bytes')
  t.same((await run(['--raw', '--max-tokens', '4', '--temperature', '1', '--seed', '5', 'abc'])).out, raw.out)
  const thinking = await run(['--effort', 'high', '--max-tokens', '6', 'think'])
  t.equal(thinking.out.trim(), '', 'noise does not come to an answer')
})

await t.test('bad input is told in one line', async t => {
  const cases: [string[], RegExp][] = [
    [[], /one prompt, in quotes/],
    [['two', 'prompts'], /one prompt, in quotes/],
    [['--effort', 'extreme', 'x'], /^--effort extreme is not one of/],
    [['--temperature', 'hot', 'x'], /^--temperature must be a number from 0 on, not hot$/],
    [['--top-p', '0', 'x'], /^--top-p must be above 0/],
    [['--max-tokens', '1.5', 'x'], /^--max-tokens/],
    [['--raw', 'x'.repeat(20_000)], /leave no room in a context of 16384$/]
  ]
  for (const [argv, message] of cases) await t.rejects(run(argv), { name: 'CliInputError', message })
  await t.rejects(run(['--checkpoint', t.testdir(), 'x']), { name: 'CliInputError', message: /tokenizer\.json/ })
})
