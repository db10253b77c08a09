/** Noise weights under a grammar: whatever they complete obeys it. */
import fc from 'fast-check'
import t from 'tap'
import type { JobEvent } from '../../../../../workers/contract/event.js'
import { type Constraint, type Job, jobSchema } from '../../../../../workers/contract/job.js'
import { controlTokenTexts } from '../../../../../workers/engines/v4/checkpoint/byte-tokenizer.js'
import { writeRandomCheckpoint } from '../../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { V4Engine } from '../../../../../workers/engines/v4/v4-engine.js'
import { loadTokenizer } from '../../../../../src/language/tokenizer/load-tokenizer.js'
import { isValid, randomSchema, type TestSchema } from './random-schema.js'

const directory = t.testdir()
await writeRandomCheckpoint(directory, { tier: 'flash' })
const engine = await V4Engine.open(directory, { contextTokens: 2048 })
t.teardown(async () => { await engine.close() })
const tokenizer = loadTokenizer({ directory })
const thinkEndId = controlTokenTexts.indexOf('</think>')

interface Outcome { ids: number[], text: string, last: JobEvent | undefined }

async function generate (constraint: Constraint, seed: number, overrides: Partial<Job> = {}, sampling: Partial<Job['sampling']> = {}): Promise<Outcome> {
  const job = jobSchema.parse({
    requestId: 'request',
    attempt: 1,
    tier: 'flash',
    checkpoint: 'flash-noise',
    tokenIds: [0, 20, 30, 40],
    constraint,
    sampling: { temperature: 1, topP: 1, maxTokens: 400, stopTokenIds: [1], seed, ...sampling },
    ...overrides
  })
  const events: JobEvent[] = []
  for await (const event of engine.generate(job, new AbortController().signal)) events.push(event)
  const ids = events.flatMap(event => event.type === 'tokens' ? event.ids : [])
  return { ids, text: new TextDecoder('utf-8', { fatal: overrides.constraintAfterTokenId === undefined && !isCut(events.at(-1)) }).decode(bytesOf(ids)), last: events.at(-1) }
}

function bytesOf (ids: number[]): Uint8Array {
  const { tokenBytes, tokenEnds } = tokenizer.vocabulary
  return Uint8Array.from(ids.flatMap(id => [...tokenBytes.subarray(tokenEnds[id - 1] ?? 0, tokenEnds[id])]))
}

function isCut (event: JobEvent | undefined): boolean {
  return event?.type === 'done' && event.finish === 'length'
}

await t.test('json: an object, whatever the seed', async t => {
  const outcomes = await Promise.all(Array.from({ length: 12 }, async (_, seed) => await generate({ kind: 'json' }, seed)))
  const complete = outcomes.filter(({ last }) => !isCut(last))
  t.ok(complete.length > 0, `${complete.length} of 12 came to their end`)
  for (const { text, last } of complete) {
    t.match(last, { type: 'done', finish: 'stop' })
    const value: unknown = JSON.parse(text)
    t.ok(typeof value === 'object' && value !== null && !Array.isArray(value), text)
  }
  for (const { text, last } of outcomes) if (isCut(last)) t.match(text, /^\{/)
})

await t.test('random schemas: what is completed is valid', async t => {
  const schemas = fc.sample(randomSchema, { seed: 7, numRuns: 40 })
  const outcomes = await Promise.all(schemas.map(async (schema, seed) => ({ schema, ...await generate({ kind: 'schema', schema }, seed) })))
  const complete = outcomes.filter(({ last }) => !isCut(last))
  t.ok(complete.length >= 20, `${complete.length} of ${schemas.length} came to their end`)
  for (const { schema, text, last } of complete) {
    t.match(last, { type: 'done', finish: 'stop' }, JSON.stringify(schema))
    t.ok(isValid(JSON.parse(text), schema), `${text} under ${JSON.stringify(schema)}`)
  }
})

await t.test('references, recursion, formats, maps, oneOf', async t => {
  const node = { type: 'object', properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] }, 'a"b': { const: 'é"\n' } }, required: ['next', 'a"b'] }
  const list = await generate({ kind: 'schema', schema: { $ref: '#/$defs/node', $defs: { node } } }, 3)
  if (!isCut(list.last)) {
    for (let value = JSON.parse(list.text) as { next: unknown } | null; value !== null; value = value.next as { next: unknown } | null) t.match(value, { 'a"b': 'é"\n' })
  }
  const moment = await generate({ kind: 'schema', schema: { type: 'string', format: 'date-time' } }, 1)
  t.ok(Number.isFinite(Date.parse(String(JSON.parse(moment.text)))), moment.text)
  const tagged = (kind: string) => ({ type: 'object', properties: { kind: { const: kind }, size: { type: 'integer', minimum: 1, maximum: 9 } }, required: ['kind', 'size'], additionalProperties: false })
  const either = await generate({ kind: 'schema', schema: { oneOf: [tagged('a'), tagged('b')] } }, 5)
  t.match(JSON.parse(either.text), { kind: /^[ab]$/, size: Number })
  const single: TestSchema = { type: 'integer', minimum: 5, maximum: 5 }
  const five = await generate({ kind: 'schema', schema: single }, 5)
  t.same([five.text, five.last], ['5', { type: 'done', finish: 'stop', stopTokenId: null, usage: { promptTokens: 4, completionTokens: 1, cachedTokens: 0 } }])
})

await t.test('the grammar begins after reasoning, which cannot end the answer', async t => {
  const biased = { logitBias: { [thinkEndId]: 4 } }
  const { ids, last } = await generate({ kind: 'schema', schema: { enum: ['yes', 'no'] } }, 2, { constraintAfterTokenId: thinkEndId }, biased)
  const end = ids.indexOf(thinkEndId)
  t.ok(end > 0, 'something came before')
  t.match(new TextDecoder().decode(bytesOf(ids.slice(end + 1))), /^"(yes|no)"$/)
  t.match(last, { type: 'done', finish: 'stop' })
  const eager = await generate({ kind: 'json' }, 2, { constraintAfterTokenId: thinkEndId }, { logitBias: { 1: 100 }, maxTokens: 10 })
  t.match(eager.last, { finish: 'length' })
})

await t.test('a resumed job goes on in the grammar', async t => {
  const schema = { type: 'array', items: { enum: ['abc', 'def'] }, minItems: 3, maxItems: 3 }
  const whole = await generate({ kind: 'schema', schema }, 4)
  const rest = await generate({ kind: 'schema', schema }, 4, { tokenIds: [0, 20, 30, 40, ...whole.ids.slice(0, 5)], resumedFrom: 5 })
  t.same(rest.ids, whole.ids.slice(5))
})

await t.test('min_tokens and the bias of a stop token do not break the grammar', async t => {
  const held = await generate({ kind: 'schema', schema: { type: 'integer', minimum: 1, maximum: 999 } }, 1, {}, { minTokens: 50, logitBias: { 1: 100 } })
  t.match(held.text, /^[1-9][0-9]{2}$/)
  const plain = await generate({ kind: 'schema', schema: { type: 'integer', minimum: 1, maximum: 999 } }, 1, {}, { logitBias: { 1: 100 } })
  t.match(plain, { text: /^[1-9]$/, last: { stopTokenId: 1 } })
})
