import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import t from 'tap'
import type { Piece } from '../../../src/language/render/rendered-prompt.js'
import { loadTokenizer } from '../../../src/language/tokenizer/load-tokenizer.js'
import { OffLoopTokenizer } from '../../../src/language/tokenizer/off-loop-tokenizer.js'
import { Tokenizer } from '../../../src/language/tokenizer/tokenizer.js'

const tokenizer = loadTokenizer('deepseek-v4')

function makePrompt (words: number): Piece[] {
  const text = Array.from({ length: words }, (_, index) => `word${index % 977} `).join('')
  return [{ kind: 'template', text: '<｜User｜>' }, { kind: 'data', text: `<think>${text}` }, { kind: 'template', text: '<｜Assistant｜><think>' }]
}

await t.test('gives the same ids on either side of the threshold', async t => {
  const offLoop = new OffLoopTokenizer(tokenizer, { threads: 2 })
  t.teardown(() => offLoop.close())
  const prompts = [10, 1000, 20_000, 90_000, 21_000].map(makePrompt)
  const ids = await Promise.all(prompts.map(prompt => offLoop.encodePieces(prompt)))
  prompts.forEach((prompt, index) => { t.ok(isDeepStrictEqual(ids[index], tokenizer.encodePieces(prompt)), `prompt ${index}`) })
})

await t.test('a large prompt leaves the loop free to turn', async t => {
  const offLoop = new OffLoopTokenizer(tokenizer)
  t.teardown(() => offLoop.close())
  let turns = 0
  let isDone = false
  const count = (): void => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await offLoop.encodePieces(makePrompt(200_000))
  isDone = true
  t.ok(turns > 2, `${turns} turns`)
})

await t.test('a prompt that cannot be encoded is rejected alone', async t => {
  // Expressions of a general vocabulary cannot match so long a run; the V4 scanner could.
  const general = new Tokenizer({ ...tokenizer.vocabulary, splitPatterns: ['\\p{L}+'] })
  const offLoop = new OffLoopTokenizer(general)
  t.teardown(() => offLoop.close())
  const bad = offLoop.encodePieces([{ kind: 'data', text: '中'.repeat(4 << 20) }])
  const good = offLoop.encodePieces(makePrompt(10_000))
  await t.rejects(bad, { name: 'RangeError', message: /too long a run/ })
  t.ok(isDeepStrictEqual(await good, general.encodePieces(makePrompt(10_000))))
})

await t.test('closing rejects what is under way and what comes later', async t => {
  const offLoop = new OffLoopTokenizer(tokenizer)
  const underWay = offLoop.encodePieces(makePrompt(50_000))
  const closed = offLoop.close()
  await t.rejects(underWay, { message: 'The tokenizer thread has ended' })
  await closed
  await t.rejects(offLoop.encodePieces(makePrompt(1)), { message: 'The tokenizer is closed' })
  await offLoop.close()
})

await t.test('an idle thread does not keep the process alive, a busy one does', async t => {
  const load = new URL('../../../src/language/tokenizer/load-tokenizer.js', import.meta.url)
  const offLoop = new URL('../../../src/language/tokenizer/off-loop-tokenizer.js', import.meta.url)
  const directory = t.testdir({
    'run.mjs': `
    const { loadTokenizer } = await import('${load.href}')
    const { OffLoopTokenizer } = await import('${offLoop.href}')
    const tokenizer = new OffLoopTokenizer(loadTokenizer('deepseek-v4'))
    for (const words of [20000, 30000]) {
      const ids = await tokenizer.encodePieces([{ kind: 'data', text: 'gear '.repeat(words) }])
      console.log(ids.length)
    }`
  })
  const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'run.mjs')])
  t.strictSame(stdout.trim().split('\n'), ['gear '.repeat(20000), 'gear '.repeat(30000)].map(text => String(tokenizer.encode(text).length)))
})
