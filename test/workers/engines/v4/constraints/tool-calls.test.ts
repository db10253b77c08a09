/** Calls of random tools by the real engine, read as the gateway reads them: every one obeys its schema. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { dsml } from '../../../../../src/language/control-tokens.js'
import type { ToolDefinition } from '../../../../../src/language/conversation.js'
import { fromPlainJson } from '../../../../../src/language/json/plain-json.js'
import { type CollectedAnswer, collectAnswer } from '../../../../../src/language/parse/collect-answer.js'
import type { RenderedPrompt } from '../../../../../src/language/render/rendered-prompt.js'
import { type CallRules, toolCallTag } from '../../../../../src/language/render/tool-call-tag.js'
import { randomSchema, type TestSchema } from './random-schema.js'
import { type Asking, type Outcome, startEngine } from './start-engine.js'

const { language, ask, close } = await startEngine()
t.teardown(close)
const ajv = new Ajv2020({ strict: false })

const randomTool = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-z][a-z_.: -]{0,8}$/), schema: randomSchema, isRequired: fc.boolean() }), { maxLength: 4, selector: ({ name }) => name })
  .map((members): TestSchema => ({
    type: 'object',
    properties: Object.fromEntries(members.map(({ name, schema }) => [name, schema])),
    required: members.filter(({ isRequired }) => isRequired).map(({ name }) => name),
    additionalProperties: false
  }))

function toolsOf (schemas: readonly object[]): ToolDefinition[] {
  return schemas.map((schema, index) => ({ name: `tool_${index}`, description: null, parameters: fromPlainJson(schema), isStrict: true }))
}

type Rules = Partial<CallRules> & Pick<CallRules, 'tools'>

function answerOf ({ ids, finish }: Outcome, tools: ToolDefinition[], start: RenderedPrompt['start']): CollectedAnswer {
  const reader = language.openAnswer({ pieces: [], start, isContinuation: false }, { tools, stopStrings: [], allowsParallelToolCalls: true })
  return collectAnswer([...reader.push(ids), ...reader.end(finish === 'length' ? 'length' : 'stop')])
}

async function call (rules: Rules, asking: Omit<Asking, 'constraint'>): Promise<Outcome & { answer: CollectedAnswer }> {
  const whole: CallRules = { isForced: true, allowsParallelToolCalls: true, start: 'content', answerSchema: null, ...rules }
  const overrides = whole.start === 'reasoning' ? { constraintAfterTokenId: language.thinkEndId } : {}
  const outcome = await ask({ ...asking, constraint: { kind: 'structural-tag', tag: toolCallTag(whole) }, overrides: { ...overrides, ...asking.overrides } })
  return { ...outcome, answer: answerOf(outcome, [...whole.tools], whole.start) }
}

async function idOf (text: string): Promise<number> {
  const [id = 0] = await language.tokenize({ pieces: [{ kind: 'template', text }], start: 'content', isContinuation: false })
  return id
}

const [markupId, bracketId] = [await idOf(dsml), await idOf('<')]
const begins = (id: number, bias: number) => ({ logitBias: { [id]: bias } })

const parameter = `<${dsml}parameter name="[^"]*" string="(true|false)">((?!</${dsml}).)*</${dsml}parameter>\\n`
const invoke = `<${dsml}invoke name="tool_\\d+">\\n(\\n|(${parameter})*)</${dsml}invoke>`
const block = new RegExp(`^\\n\\n<${dsml}tool_calls>\\n${invoke}(\\n${invoke})*\\n</${dsml}tool_calls>$`, 's')

await t.test('random strict tools: what is called obeys its schema, in the format of the model', async t => {
  const offers = fc.sample(fc.array(randomTool, { minLength: 1, maxLength: 3 }), { seed: 5, numRuns: 24 })
  const outcomes = await Promise.all(offers.map(async (schemas, seed) => ({ schemas, ...await call({ tools: toolsOf(schemas) }, { seed }) })))
  const ended = outcomes.filter(({ finish }) => finish === 'stop')
  t.ok(ended.length >= 12, `${ended.length} of ${offers.length} came to their end`)
  for (const { schemas, text, answer, fail } of outcomes) {
    t.equal(fail, null)
    const tools = new Map(schemas.map((schema, index) => [`tool_${index}`, schema]))
    for (const { name, argumentsText } of answer.toolCalls.filter(({ isComplete }) => isComplete)) t.ok(ajv.validate(tools.get(name) ?? false, JSON.parse(argumentsText)), `${argumentsText} under ${JSON.stringify(tools.get(name))}`)
    t.equal(answer.content, '')
    if (!text.endsWith(`</${dsml}tool_calls>`)) continue
    t.match(text, block)
    t.ok(answer.toolCalls.length > 0)
  }
})

const weather = toolsOf([{ type: 'object', properties: { city: { type: 'string' }, days: { type: ['integer', 'string'], maxLength: 4 } }, required: ['city'], additionalProperties: false }])
const short = toolsOf([{ type: 'object', properties: { n: { type: 'integer', minimum: 1, maximum: 3 } }, required: ['n'], additionalProperties: false }, { type: 'object', properties: {}, additionalProperties: false }])

await t.test('text stays text, and its flag says so', async t => {
  for (const seed of [1, 2, 3, 4]) {
    const { text } = await call({ tools: weather }, { seed, sampling: { maxTokens: 60 } })
    t.match(text, /name="city" string="true">/)
    const days = /name="days" string="(true|false)">(.*?)<\//s.exec(text)
    if (days !== null && days[1] === 'false') t.match(days[2], /^-?\d+$/)
  }
})

await t.test('where the block is open already it goes on from there', async t => {
  const { text, answer, finish } = await call({ tools: short, start: 'tool-calls' }, { seed: 2 })
  t.equal(finish, 'stop')
  t.ok(text.startsWith(`<${dsml}invoke name="`))
  t.ok(answer.toolCalls.length > 0)
})

await t.test('one call where more are not allowed', async t => {
  for (const seed of [1, 2, 3]) t.equal((await call({ tools: short, allowsParallelToolCalls: false }, { seed })).answer.toolCalls.length, 1)
  const counts = await Promise.all([1, 2, 3, 4].map(async seed => (await call({ tools: short }, { seed, sampling: { maxTokens: 90, ...begins(bracketId, 30) } })).answer.toolCalls.length))
  t.ok(Math.max(...counts) > 1, counts.join(' '))
})

await t.test('text is free until a call begins, and then the call is held to its form', async t => {
  const free = await call({ tools: short, isForced: false }, { seed: 1, sampling: { maxTokens: 40 } })
  t.same([free.answer.toolCalls, free.fail], [[], null])
  const calling = await call({ tools: short, isForced: false }, { seed: 4, sampling: { maxTokens: 90, logitBias: { [markupId]: 30, [bracketId]: 30 } } })
  const begin = calling.text.indexOf(`<${dsml}`)
  t.ok(begin >= 0 && calling.text.startsWith(`<${dsml}tool_calls>\n<${dsml}invoke name="tool_`, begin), calling.text)
  t.ok(calling.answer.toolCalls.every(({ name, isComplete }) => !isComplete || /^tool_[01]$/.test(name)))
})

await t.test('reasoning comes first, holds no call, and does not end the answer', async t => {
  const { ids, answer, text } = await call({ tools: short, start: 'reasoning' }, { seed: 3, sampling: begins(language.thinkEndId, 4) })
  const end = ids.indexOf(language.thinkEndId)
  t.ok(end > 0)
  t.match(text.slice(text.indexOf('</think>') + 8), block)
  t.ok(answer.toolCalls.length > 0)
  const eager = await call({ tools: short, start: 'reasoning' }, { seed: 3, sampling: { maxTokens: 30, ...begins(markupId, 100) } })
  t.notMatch(eager.text, `<${dsml}`)
  t.equal(eager.finish, 'length')
})

await t.test('an answer that is calls or JSON', async t => {
  const answerSchema = fromPlainJson({ type: 'object', properties: { word: { type: 'string', maxLength: 9 } }, required: ['word'], additionalProperties: false })
  const outcomes = await Promise.all(Array.from({ length: 10 }, async (_, seed) => await call({ tools: short, isForced: false, answerSchema }, { seed, sampling: { logitBias: {} } })))
  for (const { answer, text, finish } of outcomes.filter(({ finish }) => finish === 'stop')) {
    if (answer.toolCalls.length > 0) t.match(text, block)
    else t.match(JSON.parse(answer.content), { word: String }, finish ?? '')
  }
})

await t.test('a resumed job goes on within its call', async t => {
  const prompt = [0, 20, 30, 40]
  for (const start of ['content', 'reasoning'] as const) {
    const sampling = begins(language.thinkEndId, 3)
    const whole = await call({ tools: weather, start }, { seed: 8, prompt, sampling })
    for (const cut of [1, Math.floor(whole.ids.length / 2), whole.ids.length - 1]) {
      const overrides = { attempt: 2, resumedFrom: cut }
      const rest = await call({ tools: weather, start }, { seed: 8, prompt: [...prompt, ...whole.ids.slice(0, cut)], overrides, sampling: { ...sampling, maxTokens: 300 - cut } })
      t.same(rest.ids, whole.ids.slice(cut), `${start}, after ${cut} tokens`)
    }
  }
  const broken = await call({ tools: weather }, { seed: 1, prompt: [0, 20, 30, 40, 50], overrides: { resumedFrom: 1 } })
  t.match(broken.fail, { code: 'unsupported-constraint', blame: 'request' })
})

await t.test('what cannot be kept is refused by the name of the tool', async t => {
  const tools = toolsOf([{ type: 'object', properties: { a: { type: 'integer', multipleOf: 7 } }, required: ['a'] }])
  t.match((await call({ tools }, { seed: 1 })).fail, { code: 'unsupported-constraint', message: 'tool tool_0: parameters.properties.a.multipleOf: this keyword is not supported' })
  const named = toolsOf([{ type: 'object', properties: { 'a"b': { type: 'integer' } } }])
  t.match((await call({ tools: named }, { seed: 1 })).fail, { message: /properties\.a"b: this name cannot be written in a tool call/ })
  for (const tag of [{}, { format: { type: 'any_text' } }, { format: { type: 'triggered_tags', triggers: ['a', 'b'], tags: [] } }]) {
    t.match((await ask({ constraint: { kind: 'structural-tag', tag }, seed: 1 })).fail, { code: 'unsupported-constraint', message: /structural tag/ })
  }
})
