/**
 * What a constraint costs a decode step, on both minis: jobs with it and without it in turns, in one process.
 *
 *   node dist/benchmarks/constraints/benchmark.js [ROUNDS]
 *
 * Processor time per token (other work on the machine disturbs it less than the wall's), and the time of the mask alone:
 * the tokens that were emitted are taken through the grammar again, first with nothing known of it, then as later jobs
 * find it.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fromPlainJson } from '../../src/language/json/plain-json.js'
import { toolCallTag } from '../../src/language/render/tool-call-tag.js'
import type { Constraint, Job } from '../../workers/contract/job.js'
import { ChoiceMaker } from '../../workers/engines/v4/constraints/choice-maker.js'
import { GrammarMaker } from '../../workers/engines/v4/constraints/grammar-shelf.js'
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'
import { machineConditions } from '../engine/machine-conditions.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const rounds = Number(process.argv[2] ?? 7)
const TOKENS = 96

const city = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 30 },
    size: { enum: ['small', 'large'] },
    visits: { type: 'integer', minimum: 1, maximum: 12 },
    notes: { type: 'array', items: { type: 'string', minLength: 20, maxLength: 200 }, minItems: 3, maxItems: 9 }
  },
  required: ['city', 'size', 'visits', 'notes'],
  additionalProperties: false
}
const tools = [{ name: 'describe', description: null, parameters: fromPlainJson(city), isStrict: true }]
const constraints: Record<string, Constraint> = {
  'JSON object': { kind: 'json' },
  'JSON Schema, bounded strings': { kind: 'schema', schema: city },
  'string of 500 to 5,000 characters': { kind: 'schema', schema: { type: 'string', minLength: 500, maxLength: 5000 } },
  'regular expression': { kind: 'regex', pattern: '([A-Z][a-z]{2,9} ){20,200}end' },
  'strict tool, forced': { kind: 'structural-tag', tag: toolCallTag({ tools, isForced: true, allowsParallelToolCalls: true, start: 'content', answerSchema: null }) }
}

interface Run {
  ids: number[]
  cpuMsPerToken: number
}

async function run (engine: V4Engine, job: Omit<Job, 'requestId' | 'attempt' | 'tier' | 'checkpoint'>): Promise<Run> {
  const ids: number[] = []
  let start = process.cpuUsage()
  for await (const event of engine.generate({ requestId: 'benchmark', attempt: 1, tier: 'flash', checkpoint: engine.describe().checkpoint.name, ...job }, new AbortController().signal)) {
    if (event.type === 'fail') throw new Error(event.message)
    if (event.type !== 'tokens') continue
    if (ids.length === 0) start = process.cpuUsage()
    ids.push(...event.ids)
  }
  const { user, system } = process.cpuUsage(start)
  return { ids, cpuMsPerToken: (user + system) / 1000 / Math.max(1, ids.length - 1) }
}

/** Processor milliseconds per token of finding the mask, with a grammar nobody has used and with one that this very text has. */
function maskTimes (choices: ChoiceMaker, constraint: Constraint, job: Job, ids: readonly number[]): { firstMs: number, laterMs: number, makeMs: number } {
  const makeStart = process.cpuUsage()
  const grammar = new GrammarMaker().make(constraint)
  const made = process.cpuUsage(makeStart)
  const makeMs = (made.user + made.system) / 1000
  const key = `${Math.random()}`
  const [firstMs = 0, laterMs = 0] = [0, 1].map(() => {
    const start = process.cpuUsage()
    const choice = choices.begin({ ...grammar, key }, job)
    for (const id of ids) choice.accept(id)
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000 / Math.max(1, ids.length)
  })
  return { firstMs, laterMs, makeMs }
}

function median (values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? NaN
}

const rows: string[] = []
for (const name of ['flash-mini', 'pro-mini']) {
  const directory = `${root}models/${name}`
  const engine = await V4Engine.open(directory, { contextTokens: 1024 })
  const { vocabularySize } = engine.describe().checkpoint
  const choices = new ChoiceMaker(directory, vocabularySize)
  choices.prepare()
  const job = { tokenIds: Array.from({ length: 16 }, (_, place) => 300 + place * 7), sampling: { temperature: 1, topP: 1, maxTokens: TOKENS, stopTokenIds: [] } }
  await run(engine, job)
  for (const [label, constraint] of Object.entries(constraints)) {
    const samples: Array<{ free: number, held: number, firstMs: number, laterMs: number, makeMs: number }> = []
    for (let round = 0; round <= rounds; round++) {
      const sampling = { ...job.sampling, seed: round }
      const free = await run(engine, { ...job, sampling })
      const held = await run(engine, { ...job, sampling, constraint })
      const times = maskTimes(choices, constraint, { requestId: 'benchmark', attempt: 1, tier: 'flash', checkpoint: name, ...job }, held.ids)
      // The first is for the compilers of the machine to get warm.
      if (round > 0 && held.ids.length > 8) samples.push({ free: free.cpuMsPerToken, held: held.cpuMsPerToken, ...times })
    }
    const of = (key: keyof typeof samples[number]): number => median(samples.map(sample => sample[key]))
    const ratio = median(samples.map(({ free, held }) => held / free))
    rows.push(`| ${name} | ${label} | ${of('free').toFixed(2)} | ${of('held').toFixed(2)} | ${ratio.toFixed(2)} | ${of('firstMs').toFixed(3)} (${(of('firstMs') / of('free') * 100).toFixed(1)} %) | ${of('laterMs').toFixed(3)} (${(of('laterMs') / of('free') * 100).toFixed(1)} %) | ${of('makeMs').toFixed(1)} |`)
    process.stderr.write(`${rows.at(-1) ?? ''}\n`)
  }
  await engine.close()
}

await writeFile(`${root}benchmarks/constraints/results.md`, `# What a constraint costs

Goal: a mask costs at most 15 % of a decode step. Medians of ${rounds} rounds of ${TOKENS} tokens, free and constrained in turns; free and constrained are
processor milliseconds per token of the whole process; so are the others. The mask alone is timed by taking the emitted tokens through the grammar
again: with nothing known of the grammar (the first job of a constraint), and as later jobs find it; in brackets the share
of a free step. "make" is once per constraint, off the decoding thread.

| model | constraint | free ms | constrained ms | ratio | mask ms, first job | mask ms, later jobs | make ms |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

${machineConditions()}

    npm run build && node dist/benchmarks/constraints/benchmark.js
`)
