/** What we render we also read, and no way of cutting a text changes what it means. */
import fc from 'fast-check'
import t from 'tap'
import type { AssistantMessage, Conversation, Effort, Message } from '../../../src/language/conversation.js'
import { parseJson } from '../../../src/language/json/parse-json.js'
import { toPythonJson } from '../../../src/language/json/python-json.js'
import { renderConversation } from '../../../src/language/render/render-conversation.js'
import { promptText } from '../../../src/language/render/rendered-prompt.js'
import { readAnswer, tool } from './read-answer.js'

const markup = /｜DSML｜|<think>|<\/think>|<｜end▁of▁sentence｜>/
/** Near misses of every marker, which must all stay text. */
const fragment = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('<', '</', '<｜', '</｜', '｜', '<｜DSML', '<thin', '</thin', '<｜end▁of', '\n', '\n\n', ' ', '😀', '天气', '{"a": 1}', '>', '"', '2>&1', '</tool_result>')
)
const text = fc.array(fragment, { maxLength: 6 }).map(parts => parts.join('')).filter(value => !markup.test(value))
const trimmed = text.map(value => value.replace(/^\n+|\n+$/g, ''))
const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter(value => !value.includes('">') && !value.includes('" string='))
const argumentsText = fc.dictionary(key, fc.oneof(text, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 4 })
  .map(object => JSON.stringify(object)).filter(json => !markup.test(json) && !json.includes('__proto__'))
const name = fc.constantFrom('get_weather', 'get-time', 'a')
const call = fc.record({ id: fc.uuid(), name, argumentsText })

const assistant: fc.Arbitrary<AssistantMessage> = fc.record({
  role: fc.constant('assistant' as const),
  content: trimmed,
  reasoning: fc.option(trimmed, { nil: null }),
  toolCalls: fc.array(call, { maxLength: 3 }),
  isPrefix: fc.constant(false)
})
const request: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ role: fc.constant('user' as const), content: text }),
  fc.record({ role: fc.constant('tool' as const), toolCallId: fc.constantFrom('x', 'y'), content: text }),
  fc.record({ role: fc.constant('system' as const), content: text })
)
const conversation = fc.record({
  history: fc.array(fc.oneof(request, request, assistant), { maxLength: 6 }),
  question: fc.record({ role: fc.constant('user' as const), content: text }),
  offersTools: fc.boolean(),
  effort: fc.constantFrom<Effort>('none', 'low', 'high', 'max')
})

function render (messages: Message[], offersTools: boolean, effort: Effort): string {
  const tools = offersTools ? [tool('get_weather'), tool('a')] : []
  const whole: Conversation = { messages, tools, toolChoice: { kind: 'auto' }, allowsParallelToolCalls: true, responseFormat: null }
  return promptText(renderConversation(whole, { effort, ladder: '0731' }))
}

function cutAt (whole: string, positions: readonly number[]): string[] {
  const borders = [0, ...positions.map(position => position % (whole.length + 1)).sort((left, right) => left - right), whole.length]
  return borders.slice(1).map((end, index) => whole.slice(borders[index], end))
}

await t.test('render, read, equal; and rendered again from what was read', async t => {
  fc.assert(fc.property(conversation, assistant, fc.array(fc.nat(400), { maxLength: 4 }), ({ history, question, offersTools, effort }, answer, cuts) => {
    const before = [...history, question]
    const prompt = render(before, offersTools, effort)
    const after = render([...before, answer], offersTools, effort)
    if (!after.startsWith(prompt)) return false
    const next = effort === 'none' ? '<｜Assistant｜></think>' : '<｜Assistant｜><think>'
    const completion = after.slice(prompt.length, -next.length)
    const read = readAnswer(cutAt(completion, cuts), { start: effort === 'none' ? 'content' : 'reasoning', end: 'length' })
    const expected = {
      reasoning: effort === 'none' ? '' : answer.reasoning ?? '',
      content: answer.content,
      calls: answer.toolCalls.map(({ name, argumentsText }) => ({ name, argumentsText: toPythonJson(parseJson(argumentsText)), isComplete: true }))
    }
    const calls = read.calls.map(({ rawText, ...call }) => call)
    if (JSON.stringify({ ...read, calls }) !== JSON.stringify(expected)) t.same({ ...read, calls }, expected)
    const again: AssistantMessage = {
      ...answer,
      content: read.content,
      reasoning: read.reasoning,
      toolCalls: read.calls.map(({ name, argumentsText, rawText }, index) => index % 2 === 0
        ? { id: '', name, argumentsText }
        : { id: '', name, argumentsText: '{}', replayText: rawText })
    }
    return render([...before, again], offersTools, effort) === after
  }), { numRuns: 4000, seed: 4 })
})

const anyPiece = fc.constantFrom(
  '<｜end▁of▁sentence｜>', '<think>', '</think>', '\n\n<｜DSML｜tool_calls>\n', '<｜DSML｜toolcalls>', '<｜DSML｜function_calls>', '<｜DSML｜ calls>',
  '</｜DSML｜tool_calls>', '</｜DSML｜function_calls>', '<｜DSML｜invoke name="', '<｜DSML｜invoke name="a">', '<｜DSML｜invoke name="zz">\n', 'a">', '">\n',
  '</｜DSML｜invoke>', '</｜DSML｜invoke>\n', '<｜DSML｜parameter name="', '<｜DSML｜parameter name="x" string="true">', '<｜DSML｜parameter name="n" string="true">',
  '<｜DSML｜parameter name="x" string="false">', '<｜DSML｜parameter name="input" string="true">', '<｜DSML｜parameter name="arguments" string="false">',
  '<｜DSML｜parameter name="y">', '</｜DSML｜parameter>', '</｜DSML｜parameter>\n', '<｜DSML｜', '</｜DSML｜', '<｜DSML｜unknown>', '<', '</', '>', '"', '\n', '\n\n', ' ', '{', '}',
  '{"x": 1}', '[1, 2', '12', 'true', 'text', '😀', '\ud83d', '\ude00'
)
const tools = [tool('a', { x: 'string', n: 'integer' })]

await t.test('any soup of markup means the same however it is cut', async t => {
  const starts = fc.constantFrom('reasoning' as const, 'content' as const, 'tool-calls' as const)
  const soup = fc.array(anyPiece, { maxLength: 14 }).map(pieces => pieces.join(''))
  fc.assert(fc.property(soup, starts, fc.boolean(), fc.constantFrom('stop' as const, 'length' as const), fc.array(fc.nat(400), { maxLength: 5 }), (whole, start, isContinuation, end, cuts) => {
    const options = { start, isContinuation, end, tools }
    const expected = readAnswer([whole], options)
    for (const pieces of [cutAt(whole, cuts), whole.split('')]) {
      const read = readAnswer(pieces, options)
      if (JSON.stringify(read) !== JSON.stringify(expected)) t.same(read, expected, JSON.stringify(pieces))
    }
    for (const { argumentsText, isComplete } of expected.calls) {
      if (isComplete) parseJson(argumentsText)
    }
    return true
  }), { numRuns: 20000, seed: 4 })
})
