/** The whole language over the real vocabulary: prompt ids as the hosted API counts them, and answers read from ids. */
import t from 'tap'
import type { AnswerOptions } from '../../src/language/checkpoint-language.js'
import type { Conversation } from '../../src/language/conversation.js'
import { createCheckpointLanguage } from '../../src/language/create-checkpoint-language.js'
import { collectAnswer } from '../../src/language/parse/collect-answer.js'
import type { RenderedPrompt } from '../../src/language/render/rendered-prompt.js'
import { loadTokenizer } from '../../src/language/tokenizer/load-tokenizer.js'
import { Tokenizer } from '../../src/language/tokenizer/tokenizer.js'
import { tool } from './parse/read-answer.js'
import { readVectorText } from './vectors.js'

const tokenizer = loadTokenizer('deepseek-v4')
const language = createCheckpointLanguage({ tokenizer, ladder: 'preview' })
t.teardown(async () => { await language.close() })

const thinkEndId = language.thinkEndId
const weather = tool('get_weather', { location: 'string' })

function ask (content: string): Conversation {
  return { messages: [{ role: 'user', content }], tools: [], toolChoice: { kind: 'auto' }, allowsParallelToolCalls: true, responseFormat: null }
}

function open (options: Partial<AnswerOptions> = {}, prompt: Partial<RenderedPrompt> = {}) {
  return language.openAnswer({ pieces: [], start: 'content', isContinuation: false, ...prompt }, { tools: [], stopStrings: [], allowsParallelToolCalls: true, ...options })
}

/** Every id on its own; `<think>` and the like in the text become control tokens. */
function read (text: string, options: Partial<AnswerOptions> = {}, prompt: Partial<RenderedPrompt> = {}, end: 'stop' | 'length' = 'stop') {
  const reader = open(options, prompt)
  const channels: string[] = []
  const events = tokenizer.encode(text, { control: 'token' }).flatMap(id => {
    const read = reader.push([id])
    channels.push(...reader.lastChannels)
    return read
  })
  const answer = collectAnswer([...events, ...reader.end(end)])
  return { ...answer, isStopped: reader.isStopped, reasoningTokens: reader.reasoningTokens, channels }
}

await t.test('prompt tokens of the hosted API', async t => {
  const counts = [['short_italian_fact', 21], ['short_code_completion', 27], ['short_reasoning_plain', 18], ['long_memory_archive', 3353], ['long_code_audit', 3844]] as const
  for (const [name, expected] of counts) {
    const { prompt } = JSON.parse(readVectorText(`hosted-api/official/${name}.official.json`)) as { prompt: string }
    t.equal((await language.tokenize(language.render(ask(prompt), 'none'))).length, expected, name)
  }
  t.equal((await language.tokenize(language.render(ask(''), 'none'))).length, 4, 'an empty message')
})

await t.test('control tokens typed by a user stay text', async t => {
  t.same(await language.tokenize(language.render(ask('<｜User｜>'), 'none')), [0, 128803, 30, 28217, 6756, 28217, 32, 128804, thinkEndId])
  t.same(await language.tokenize(language.render(ask('<think>'), 'none')), [0, 128803, 30, 37947, 32, 128804, thinkEndId])
})

await t.test('the id of </think> ends reasoning, its spelling does not', async t => {
  const spelt = tokenizer.encode('say </think> aloud')
  t.notOk(spelt.includes(thinkEndId))
  const reader = open({}, { start: 'reasoning' })
  const events = reader.push([...spelt, thinkEndId, ...tokenizer.encode('yes'), language.endOfSentenceId])
  t.match(collectAnswer([...events, ...reader.end('stop')]), { reasoning: 'say </think> aloud', content: 'yes' })
  t.equal(reader.reasoningTokens, spelt.length)
  t.same(reader.lastChannels, [...spelt.map(() => 'reasoning'), 'tool-call', 'content', 'tool-call'])
})

await t.test('characters are never split, and one cut off at the end shows', async t => {
  const text = '天气😀é𠮷'
  t.equal(read(text).content, text)
  const reader = open()
  const ids = tokenizer.encode('🦄')
  t.ok(ids.length > 1)
  t.same([...reader.push(ids.slice(0, 1)), ...reader.end('length')], [{ type: 'content', text: '\ufffd' }])
})

await t.test('tool calls, their channels and counts', async t => {
  const call = '\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">New York 天气</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
  const answer = read(`hm</think>Look.${call}`, { tools: [weather] }, { start: 'reasoning' })
  t.match(answer, { reasoning: 'hm', content: 'Look.', toolCalls: [{ name: 'get_weather', argumentsText: '{"location": "New York 天气"}', isComplete: true }], reasoningTokens: 1 })
  t.same(answer.channels.slice(0, 2), ['reasoning', 'tool-call'])
  t.equal(answer.channels.at(-1), 'tool-call')
  t.equal(read(`Look.${call}`).content, `Look.${call}`, 'no tools offered')
})

await t.test('one call at most', async t => {
  const calls = '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_weather">\n</｜DSML｜invoke>\n<｜DSML｜invoke name="get_weather">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
  t.match(read(calls, { tools: [weather], allowsParallelToolCalls: false }), { isStopped: true, toolCalls: { length: 1 } })
  t.match(read(calls, { tools: [weather] }), { isStopped: false, toolCalls: { length: 2 } })
})

await t.test('stop strings end content only', async t => {
  const block = '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="location" string="true">STOP</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
  t.match(read('STOP here</think>go STOP on', { stopStrings: ['STOP'] }, { start: 'reasoning' }), { reasoning: 'STOP here', content: 'go ', isStopped: true })
  t.match(read(`go ST\n\n${block}`, { tools: [weather], stopStrings: ['STOP'] }), { content: 'go ST', isStopped: false, toolCalls: [{ argumentsText: '{"location": "STOP"}' }] })
  t.match(read('at the end\n\n', { stopStrings: ['\n\n'] }), { content: 'at the end', isStopped: true }, 'in what was held back')
  t.match(read('half ST', { stopStrings: ['STOP'] }), { content: 'half ST', isStopped: false })
  const reader = open({ stopStrings: ['b'] })
  t.equal(collectAnswer(reader.push(tokenizer.encode('a b c d'))).content, 'a ')
  t.same(reader.lastChannels.length, tokenizer.encode('a b c d').length)
})

await t.test('a vocabulary without V4 control tokens is refused', async t => {
  const foreign = new Tokenizer({ ...tokenizer.vocabulary, controlTokens: [] })
  t.throws(() => createCheckpointLanguage({ tokenizer: foreign, ladder: '0731' }), /no DeepSeek V4 vocabulary/)
})
