/** Keeps the rows of all runs, and writes what people read from them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawRatios } from './draw-ratios.js'
import { ratioOf, type Row } from './measurement.js'

const order = ['flash-mini', 'pro-mini', 'medium']

/** @param rows replace those of the same model, threads and context */
export function saveComparison (directory: string, rows: readonly Row[]): void {
  const path = join(directory, 'results.json')
  const known: Row[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
  const keyOf = ({ model, threads, context }: Row): string => `${model} ${threads} ${context}`
  const fresh = new Set(rows.map(keyOf))
  const all = [...known.filter(row => !fresh.has(keyOf(row))), ...rows].sort((one, other) =>
    order.indexOf(one.model) - order.indexOf(other.model) || one.threads - other.threads || one.context - other.context)
  writeFileSync(path, `${JSON.stringify(all, null, 1)}\n`)
  writeFileSync(join(directory, 'results.md'), pageOf(all))
  writeFileSync(join(directory, 'results.svg'), drawRatios(all))
}

const figure = (value: number): string => value >= 100 ? value.toFixed(0) : value.toFixed(1)

function pageOf (rows: readonly Row[]): string {
  const conditions = [...new Set(rows.map(row => row.conditions))]
  const table = rows.map(row => {
    const { model, threads, context, weightBytes, ours, theirs } = row
    const isByCpu = threads === 1 && ours.decodeTokensPerCpuSecond !== undefined
    const rates = (phase: 'decode' | 'prefill'): string => [ours, theirs]
      .map(side => figure((isByCpu ? side[`${phase}TokensPerCpuSecond`] : side[`${phase}TokensPerSecond`]) ?? NaN)).join(' / ')
    return `| ${[
      model, threads, context,
      rates('decode'), ratioOf(row, 'decode').toFixed(2),
      rates('prefill'), ratioOf(row, 'prefill').toFixed(2),
      `${figure(ours.loadMs)} / ${figure(theirs.loadMs)}`, `${figure(ours.residentBytes / 1e6)} / ${figure(theirs.residentBytes / 1e6)}`,
      figure(weightBytes / 1e6), (ours.residentBytes / weightBytes).toFixed(2), isByCpu ? 'processor' : 'wall', conditions.indexOf(row.conditions) + 1
    ].join(' | ')} |`
  })
  return [
    '# Our engine beside llama.cpp',
    '',
    'Goals at one thread: decode at least 1.0 times llama.cpp, prefill at least 0.7 times, resident memory at most 1.15 times the weights',
    '(the minis are smaller than Node itself, so that only the medium model says something about memory).',
    '[Where the time goes](profile.md) · [one layer of Flash at its true size](true-size.md) · [long context](long-context.md) · [a follow-up turn](follow-up.md)',
    '',
    'Clock `processor`: tokens a second of processor time of the whole process, which other work on the machine disturbs less than the wall\'s.',
    'It counts what V8 compiles on other threads, too, which a short run of a mini feels: 16 decoded tokens in the rows of 512.',
    'Two threads of llama.cpp wait for each other by spinning; with other work on both cores those rows say little.',
    '',
    '![decode and prefill ratios](results.svg)',
    '',
    '| model | threads or ranks | context | decode, ours / llama.cpp tok/s | ratio | prefill, ours / llama.cpp tok/s | ratio | load ms | resident MB | weights MB | resident / weights | clock | run |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...table,
    '',
    'Runs:',
    '',
    ...conditions.map((text, index) => `${index + 1}. ${text}`),
    ''
  ].join('\n')
}
