import t from 'tap'
import { CliInputError } from '../../src/cli/cli-input-error.js'
import { runParse } from '../../src/cli/parse.js'

async function parse (lines: string[], argv: string[] = []): Promise<unknown[]> {
  const written: string[] = []
  const io = { lines: (async function * () { yield * lines })(), write: (text: string) => { written.push(text) }, writeError: () => {} }
  await runParse(argv, io)
  return written.map(text => JSON.parse(text) as unknown)
}

const call = '\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="x" string="true">😀</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'

await t.test('a line in, a message out', async t => {
  const lines = [{ text: `why</think>so${call}`, thinking: true, tools: null, cuts: [2, 60, 61, 9999] }, { text: call, thinking_mode: 'chat', parse_tools: false }].map(line => JSON.stringify(line))
  t.same(await parse([...lines, '']), [
    { message: { role: 'assistant', content: 'so', reasoning_content: 'why', tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{"x": "😀"}' } }] } },
    // Markup of nobody's tools is text, but for the newlines in front of an answer.
    { message: { role: 'assistant', content: call.trimStart(), reasoning_content: '', tool_calls: [] } }
  ])
})

await t.test('declared tools decide on calls without a block', async t => {
  const text = '<｜DSML｜invoke name="f">\n</｜DSML｜invoke>'
  const calls = { message: { tool_calls: [{ function: { name: 'f', arguments: '{}' } }] } }
  t.match(await parse([JSON.stringify({ text, tools: [{ type: 'function', function: { name: 'f' } }] }), JSON.stringify({ text, tools: [{ name: 'f' }] })]), [calls, calls])
  t.match(await parse([JSON.stringify({ text, tool_prefill: true })]), [calls])
})

await t.test('bad input is one clear line', async t => {
  await t.rejects(parse(['{"text":"a"}', '{"text":']), new CliInputError('line 2 is not JSON: Unexpected end instead of a value at line 1, column 9'))
  await t.rejects(parse(['{"text":1}']), /^line 1: text: /)
  await t.rejects(parse(['{"text":"a","cuts":[-1]}']), /line 1: cuts\.0: /)
  await t.rejects(parse([], ['--fast']), CliInputError)
})
