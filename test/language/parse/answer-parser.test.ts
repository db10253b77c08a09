/** The table of V4 encoding, section 9.2, and the known bugs of others of section 14, each once. */
import t from 'tap'
import { createAnswerParser } from '../../../src/language/parse/answer-parser.js'
import { readAnswer, type ReadOptions, tool } from './read-answer.js'

const open = '<｜DSML｜tool_calls>\n'
const close = '</｜DSML｜tool_calls>'
const eos = '<｜end▁of▁sentence｜>'
const weather = [tool('get_weather', { location: 'string', days: 'integer', flags: 'array' })]

function invoke (body: string, name = 'get_weather'): string {
  return `<｜DSML｜invoke name="${name}">\n${body}</｜DSML｜invoke>\n`
}

function parameter (name: string, value: string, isString = true): string {
  return `<｜DSML｜parameter name="${name}" string="${isString}">${value}</｜DSML｜parameter>\n`
}

interface Expected { reasoning?: string, content?: string, calls?: string[] }

interface Asserts { same: (found: unknown, wanted: unknown, message: string) => unknown }

/** As one piece and character by character; calls as `name arguments`. */
function check (test: Asserts, text: string, expected: Expected, options: ReadOptions = {}): void {
  for (const pieces of [[text], Array.from(text)]) {
    const { reasoning, content, calls } = readAnswer(pieces, { tools: weather, ...options })
    const found = { reasoning, content, calls: calls.map(call => `${call.name} ${call.argumentsText}`) }
    test.same(found, { reasoning: '', content: '', calls: [], ...expected }, JSON.stringify(text))
  }
}

const paris = 'get_weather {"location": "Paris"}'
const parisCall = invoke(parameter('location', 'Paris'))
const thinking: ReadOptions = { start: 'reasoning' }

await t.test('reasoning and content', async t => {
  check(t, `\n\nwhy\n\n</think>\n\nbecause\n${eos}`, { reasoning: 'why', content: 'because\n' }, thinking)
  check(t, '<think>\nwhy</think>so', { reasoning: 'why', content: 'so' }, thinking)
  check(t, 'why</think></think>\n</think>so</think>!', { reasoning: 'why', content: 'so!' }, thinking)
  check(t, '<think>why</think>so', { reasoning: 'why', content: 'so' })
  check(t, 'first\n\n<think>\nwhy\n</think>\nso', { reasoning: 'why', content: 'first\n\nso' })
  check(t, `all of it\n${eos}`, { reasoning: 'all of it\n' }, thinking)
  check(t, `text${eos}more`, { content: 'text' })
})

await t.test('newlines of a continued text are kept', async t => {
  check(t, '\n\nmore', { content: '\n\nmore' }, { isContinuation: true })
  check(t, '\nmore\n</think>\n\nso', { reasoning: '\nmore', content: 'so' }, { start: 'reasoning', isContinuation: true })
})

await t.test('a block ends reasoning and swallows the newlines before it', async t => {
  check(t, `Let me look.\n\n${open}${parisCall}${close}${eos}`, { reasoning: 'Let me look.', calls: [paris] }, thinking)
  check(t, `Let me look.\n\n\n${open}${parisCall}${close}`, { content: 'Let me look.', calls: [paris] })
})

await t.test('look-alikes of the tags', async t => {
  for (const word of ['toolcalls', 'function_calls', ' calls']) {
    check(t, `<｜DSML｜${word}>\n${parisCall}</｜DSML｜${word}>`, { calls: [paris] })
  }
  check(t, '<｜DSML｜ calls>\n<｜DSML｜ invoke name="a">\n<｜DSML｜ parameter name="x" string="true">y</｜DSML｜ parameter>\n</｜DSML｜ invoke>\n</｜DSML｜ calls>', { calls: ['a {"x": "y"}'] })
})

await t.test('a call without its block counts when the tool is declared', async t => {
  check(t, `Look:\n\n${parisCall}`, { content: 'Look:', calls: [paris] })
  check(t, `hm\n${parisCall}and so on`, { reasoning: 'hm', content: 'and so on', calls: [paris] }, thinking)
  check(t, `${parisCall}${close}`, { calls: [paris] })
  check(t, invoke(parameter('a', 'b'), 'get_time'), { content: '<｜DSML｜invoke name="get_time">\n<｜DSML｜parameter name="a" string="true">b\n\n' })
  check(t, 'I call <｜DSML｜invoke name="get_w', { content: 'I call <｜DSML｜invoke name="get_w' })
})

await t.test('a tool nobody declared, inside a proper block, is passed on', async t => {
  check(t, `${open}${invoke('', 'made_up')}${close}`, { calls: ['made_up {}'] })
})

await t.test('stray closers vanish, quoted markup stays', async t => {
  check(t, `a${close}b</｜DSML｜invoke>c</｜DSML｜parameter>d`, { content: 'abcd' })
  check(t, 'The marker <｜DSML｜ and <｜DSML｜thing> and </｜DSML｜', { content: 'The marker <｜DSML｜ and <｜DSML｜thing> and </｜DSML｜' })
  check(t, `<｜DSML｜${' '.repeat(100)}tool_calls>`, { content: `<｜DSML｜${' '.repeat(100)}tool_calls>` })
})

await t.test('with no tools offered markup is text', async t => {
  const text = `${open}${parisCall}${close}`
  check(t, text, { content: text }, { parsesTools: false })
})

await t.test('empty blocks, second blocks, text after a block', async t => {
  check(t, `a\n\n${open}${close}\n\nb`, { content: 'a\n\nb' })
  check(t, `${open}${parisCall}${close}\n\nDone.${open}${invoke('')}${close}`, { calls: [paris, 'get_weather {}'] })
  check(t, `${open}noise ${parisCall} noise ${parisCall}${close}`, { calls: [paris, paris] })
})

await t.test('a prompt that opened the block', async t => {
  check(t, `${parisCall}${close}${eos}`, { calls: [paris] }, { start: 'tool-calls' })
  check(t, `${open}${parisCall}${close}${eos}`, { calls: [paris] }, { start: 'tool-calls' })
})

await t.test('ends the model forgot', async t => {
  check(t, `${open}<｜DSML｜invoke name="get_weather">\n${parameter('location', 'Paris')}${close}`, { calls: [paris] })
  check(t, `${open}<｜DSML｜invoke name="get_weather">\n${parameter('location', 'Paris')}${parisCall}${close}`, { calls: [paris, paris] })
  check(t, `${open}<｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="location" string="true">Paris</｜DSML｜invoke>`, { calls: [paris] })
  check(t, `${open}<｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="location" string="true">Paris${eos}`, { calls: [paris] })
  check(t, `${open}<｜DSML｜invoke name="get_weather">\n${parameter('location', 'Paris')}${eos}`, { calls: [paris] })
  check(t, `${open}<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">Paris</｜DSML｜para`, { calls: [paris] })
})

await t.test('unfinished tags do not hold up the answer', async t => {
  check(t, `${open}<｜DSML｜invoke name="get_weather>\n${parameter('location', 'Paris')}</｜DSML｜invoke>${close}`, { calls: [paris] })
  check(t, `${open}${invoke('<｜DSML｜parameter name="days\n' + parameter('location', 'Paris'))}${close}`, { calls: [paris] })
  check(t, `${open}${invoke(`<｜DSML｜parameter name="${'x'.repeat(2000)}`)}${close}`, { calls: ['get_weather {}'] })
  check(t, `${open}<｜DSML｜invoke name="${'x'.repeat(300)}`, { calls: [`${'x'.repeat(256)} {}`] })
  check(t, `${open}${invoke('<｜DSML｜parameter name="location">Paris</｜DSML｜parameter>')}${close}`, { calls: [paris] })
  check(t, `${open}${invoke('<｜DSML｜parameter name="days">3</｜DSML｜parameter>')}${close}`, { calls: ['get_weather {"days": 3}'] })
  check(t, `${open}${invoke("<｜DSML｜parameter name=\"days\" string='False'>3</｜DSML｜parameter>")}${close}`, { calls: ['get_weather {"days": 3}'] })
})

await t.test('string values are never trimmed, and no closer leaks into them', async t => {
  for (const value of ['find /tmp', ' \n two  \n', '2>&1', 'a < b </ c <｜ d </｜DSML', '</｜DSML｜invok', '\\ "quoted" \t 天气😀', '</think>', '<think>', '']) {
    check(t, `${open}${invoke(parameter('location', value))}${close}`, { calls: [`get_weather ${`{"location": ${JSON.stringify(value)}}`}`] })
  }
})

await t.test('JSON values are given as written when they are JSON, else as strings', async t => {
  check(t, `${open}${invoke(parameter('days', '1e2', false) + parameter('flags', '[1,  {"a": 1.0}]', false))}${close}`, { calls: ['get_weather {"days": 1e2, "flags": [1,  {"a": 1.0}]}'] })
  check(t, `${open}${invoke(parameter('flags', '[broken', false) + parameter('x', '', false))}${close}`, { calls: ['get_weather {"flags": "[broken", "x": ""}'] })
  check(t, `${open}${invoke(parameter('x', `${'['.repeat(2000)}${']'.repeat(2000)}`, false))}${close}`, { calls: [`get_weather {"x": "${'['.repeat(2000)}${']'.repeat(2000)}"}`] })
})

await t.test('strings that the schema forbids become what they spell, others stay', async t => {
  check(t, `${open}${invoke(parameter('days', '3') + parameter('flags', '[1]') + parameter('location', '3'))}${close}`, { calls: ['get_weather {"days": 3, "flags": [1], "location": "3"}'] })
  check(t, `${open}${invoke(parameter('days', '3.5') + parameter('flags', '{}'))}${close}`, { calls: ['get_weather {"days": "3.5", "flags": "{}"}'] })
})

await t.test('a repeated parameter is ignored', async t => {
  check(t, `${open}${invoke(parameter('location', 'Paris') + parameter('location', 'Rome') + parameter('location', '3', false))}${close}`, { calls: [paris] })
})

await t.test('a wrapper around the arguments is taken off', async t => {
  for (const name of ['arguments', 'input']) {
    check(t, `${open}${invoke(parameter(name, '{"location": "Paris"}', false))}${close}`, { calls: [paris] })
    check(t, `${open}${invoke(parameter(name, ' {"location": "Paris"}\n'))}${close}`, { calls: [paris] })
    check(t, `${open}${invoke(parameter(name, '{"place": "Paris"}'))}${close}`, { calls: [`get_weather {"${name}": "{\\"place\\": \\"Paris\\"}"}`] })
    check(t, `${open}${invoke(parameter(name, '{"location": "Paris"}', false) + parameter('days', '3', false))}${close}`, { calls: [`get_weather {"${name}": {"location": "Paris"}, "days": 3}`] })
  }
  const own = [tool('run', { input: 'string' })]
  check(t, `${open}${invoke(parameter('input', '{"input": "x"}'), 'run')}${close}`, { calls: ['run {"input": "{\\"input\\": \\"x\\"}"}'] }, { tools: own })
  check(t, `${open}${invoke(parameter('input', '{"a": 1}', false), 'unknown')}${close}`, { calls: ['unknown {"input": {"a": 1}}'] })
})

await t.test('a body that is one JSON object', async t => {
  check(t, `${open}${invoke('{"location":"Paris"}\n')}${close}`, { calls: ['get_weather {"location":"Paris"}'] })
  check(t, `${open}${invoke('{"arguments":{"location":"Paris"}}\n')}${close}`, { calls: ['get_weather {"location":"Paris"}'] })
  check(t, `${open}${invoke('{"location":\n')}${close}`, { calls: ['get_weather {}'] })
  check(t, `${open}${invoke('some {"location":"Paris"}')}${close}`, { calls: ['get_weather {}'] })
})

await t.test('cut by the token limit, arguments stay unfinished; ended by the model, they are closed', async t => {
  const inString = `${open}<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">New Yo`
  check(t, inString, { calls: ['get_weather {"location": "New Yo'] }, { end: 'length' })
  check(t, inString, { calls: ['get_weather {"location": "New Yo"}'] }, { end: 'stop' })
  const between = `${open}<｜DSML｜invoke name="get_weather">\n${parameter('location', 'Paris')}`
  check(t, between, { calls: ['get_weather {"location": "Paris"'] }, { end: 'length' })
  const inJson = `${between}<｜DSML｜parameter name="days" string="false">12`
  check(t, inJson, { calls: ['get_weather {"location": "Paris"'] }, { end: 'length' })
  check(t, inJson, { calls: ['get_weather {"location": "Paris", "days": 12}'] }, { end: 'stop' })
  check(t, `${open}<｜DSML｜invoke name="get_wea`, {}, { end: 'length' })
  check(t, 'text\n\n<｜DSML｜tool_ca', { content: 'text\n\n<｜DSML｜tool_ca' }, { end: 'length' })
  t.equal(readAnswer([inString], { end: 'length' }).calls[0]?.isComplete, false)
  t.equal(readAnswer([inString], { end: 'stop' }).calls[0]?.isComplete, true)
})

await t.test('the raw text of a call is its invoke block, if the model closed it', async t => {
  const block = `<｜DSML｜invoke name="get_weather">\n${parameter('days', '1e2', false)}</｜DSML｜invoke>`
  t.same(readAnswer(Array.from(`${open}${block}\n${block}${close}`)).calls.map(call => call.rawText), [block, block])
  t.same(readAnswer([`${open}<｜DSML｜invoke name="a">${close}`]).calls.map(call => call.rawText), [''])
})

await t.test('events say what happened in order, and only once', async t => {
  const parser = createAnswerParser({ ...thinking, start: 'reasoning', isContinuation: false, tools: weather, parsesTools: true })
  t.same(parser.push(`why</think>\n\nso\n\n${open}<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">Pa`), [
    { type: 'reasoning', text: 'why' },
    { type: 'content', text: 'so' },
    { type: 'tool-call-start', index: 0, name: 'get_weather' },
    { type: 'tool-call-arguments', index: 0, text: '{"location": "Pa' }
  ])
  t.same(parser.push('ris</｜DSML｜param'), [{ type: 'tool-call-arguments', index: 0, text: 'ris' }])
  t.same(parser.push('eter></｜DSML｜invoke>'), [
    { type: 'tool-call-arguments', index: 0, text: '"}' },
    { type: 'tool-call-end', index: 0, isComplete: true, rawText: '<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">Paris</｜DSML｜parameter></｜DSML｜invoke>' }
  ])
  t.same(parser.push(`${close}${eos}`), [])
  t.equal(parser.isFinished, true)
  t.same([...parser.push('more'), ...parser.mark('think-start'), ...parser.end('length')], [])
})

await t.test('control tokens that are only told are not looked for in the text', async t => {
  const parser = createAnswerParser({ start: 'reasoning', isContinuation: false, tools: weather, parsesTools: true, controlTokens: 'marked' })
  t.same(parser.push(`the tag </think> and ${eos}\n<`), [{ type: 'reasoning', text: `the tag </think> and ${eos}` }])
  t.same(parser.mark('think-end'), [{ type: 'reasoning', text: '\n<' }])
  t.equal(parser.channel, 'content')
  t.same(parser.push('so <｜DSML｜'), [{ type: 'content', text: 'so ' }])
  t.equal(parser.channel, 'tool-call')
  parser.push('tool_calls><｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="location" string="true">a')
  t.same(parser.mark('think-end'), [{ type: 'tool-call-arguments', index: 0, text: '</think>' }])
  parser.push('</｜DSML｜param')
  t.match(parser.mark('end-of-sentence'), [{ type: 'tool-call-arguments', text: '"}' }, { type: 'tool-call-end', isComplete: true }])
})
