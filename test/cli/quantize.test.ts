import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runGenerate } from '../../src/cli/generate.js'
import { runQuantize } from '../../src/cli/quantize.js'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeWide } from '../workers/engines/v4/checkpoint/write-wide.js'
import { runCommand } from './run-command.js'

const root = t.testdir({ 'text.txt': 'The capital of France is Paris. 17 + 25 = 42. '.repeat(30), 'empty.txt': '' })
const place = (name: string): string => join(root, name)
const shipped = 'models/flash-mini'

/** A trained network, wide: that of the shipped mini, each weight a little beside where it was rounded to. */
await writeWide(shipped, place('wide'), 'BF16', (value, index) => value * (1 + 0.04 * Math.sin(index * 2.4)))
await cp(join(shipped, 'tokenizer.json'), join(place('wide'), 'tokenizer.json'))
const quantize = async (...flags: string[]): Promise<string[]> => await runCommand(runQuantize, flags, [])

await t.test('4 and 8 bits: smaller, nearly as good on a text, and both are served', async t => {
  const losses: number[][] = []
  for (const bits of ['4', '8']) {
    const out = place(`out-${bits}`)
    const lines = await quantize('--checkpoint', place('wide'), '--out', out, '--bits', bits, '--text', place('text.txt'))
    const [size = '', head = '', ...rest] = lines
    const percent = Number(/, (\d+\.\d) % of /.exec(size)?.[1])
    t.ok(percent < (bits === '4' ? 50 : 65), size)
    t.match(head, /^loss over \d+ tokens, in nats a token \(perplexity\)$/)
    const figures = rest.map(line => Number(/^ {2}(?:before|after) +(\d+\.\d{4}) \(\d+\.\d{3}\)/.exec(line)?.[1]))
    losses.push(figures)
    const checkpoint = await openCheckpoint(out)
    await checkpoint.close()
    t.match(checkpoint.info, { name: 'flash-mini', tier: 'flash', trained: true })
    t.match(checkpoint.info?.revision, new RegExp(`-${bits}bit$`))
    const [answer = ''] = await runCommand(runGenerate, ['--checkpoint', out, '--max-tokens', '12', 'Who are you?'], [])
    t.match(answer, /\w/)
  }
  const [[before = NaN, four = NaN] = [], [same, eight = NaN] = []] = losses
  t.equal(same, before)
  t.ok(Math.abs(four - before) < 0.1 && Math.abs(eight - before) < 0.05, `${before}, ${four} with 4 bits, ${eight} with 8`)
})

await t.test('another name and tier', async t => {
  await quantize('--checkpoint', place('wide'), '--out', place('named'), '--bits', '8', '--name', 'mine', '--tier', 'pro')
  const checkpoint = await openCheckpoint(place('named'))
  await checkpoint.close()
  t.match(checkpoint.info, { name: 'mine', tier: 'pro' })
})

await t.test('bad input is told in one line, and leaves nothing behind', async t => {
  const wide = ['--checkpoint', place('wide')]
  await writeWide(shipped, place('nan'), 'F32', (value, index) => index === 70 ? NaN : value)
  await cp(join(shipped, 'tokenizer.json'), join(place('nan'), 'tokenizer.json'))
  await cp(place('nan'), place('bare'), { recursive: true, filter: path => !path.endsWith('gearbox.json') })
  await cp(place('nan'), place('broken'), { recursive: true })
  await writeFile(join(place('broken'), 'config.json'), '{')
  const out = place('refused')
  const cases: [string[], RegExp][] = [
    [['--out', out], /^--checkpoint is required$/],
    [wide, /^--out is required$/],
    [[...wide, '--out', out, '--bits', '5'], /^--bits 5 is not one of 4, 8$/],
    [[...wide, '--out', out, '--tier', 'max'], /^--tier max is not one of pro, flash$/],
    [[...wide, '--out', out, '--text', place('nothing.txt')], /^--text: ENOENT/],
    [[...wide, '--out', out, '--text', place('empty.txt')], /^--text .*empty\.txt is empty$/],
    [[...wide, '--out', place('wide')], /^--out .* is not empty$/],
    [[...wide, '--out', join(root, 'text.txt')], /^--out .*ENOTDIR/],
    [['--checkpoint', root, '--out', out], /^--checkpoint: ENOENT.*tokenizer\.json/],
    [['--checkpoint', place('broken'), '--out', out], /config\.json is not JSON$/],
    [['--checkpoint', place('bare'), '--out', out], /has no gearbox\.json: say --tier pro or --tier flash$/],
    [['--checkpoint', place('nan'), '--out', out], /^--checkpoint .*: embed\.weight: NaN in row 0, column 70$/]
  ]
  for (const [flags, message] of cases) await t.rejects(quantize(...flags), { name: 'CliInputError', message })
  t.notOk((await readdir(root)).includes('refused'))
})
