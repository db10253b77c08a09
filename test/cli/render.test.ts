import t from 'tap'
import { CliInputError } from '../../src/cli/cli-input-error.js'
import { runRender } from '../../src/cli/render.js'
import { readVectorText } from '../language/vectors.js'
import { runCommand } from './run-command.js'

interface Vector { id: string, expected_prompt: string, messages: unknown[] }

async function renderOne (request: unknown, argv: string[] = []): Promise<{ prompt: string, ids: number[] }> {
  const [line] = await runCommand(runRender, argv, [typeof request === 'string' ? request : JSON.stringify(request)])
  return JSON.parse(line ?? '') as { prompt: string, ids: number[] }
}

/** Where the serving form differs from the reference encoder on purpose (V4 encoding, section 3.2). */
const servedDifferently = new Set(['args-empty-string', 'sys-only-middle', 'assistant-last', 'developer-tools', 'developer-kept-chat'])

for (const [set, ladder] of [['encoding/encode_preview.json', 'preview'], ['encoding/encode_0731_effort.json', '0731']] as const) {
  // Read as text: a vector that went through JSON.parse would lose the number spellings it is about.
  for (const vector of JSON.parse(readVectorText(set)) as Vector[]) {
    if (servedDifferently.has(vector.id)) continue
    await t.test(`${set}: ${vector.id} is taken as it stands`, async t => {
      t.equal((await renderOne(vector, ['--ladder', ladder])).prompt, vector.expected_prompt)
    })
  }
}

await t.test('a published pair is taken as a request and as a bare list of messages', async t => {
  const expected = readVectorText('official/test_output_1.txt')
  const request = readVectorText('official/test_input_1.json').replaceAll('\n', ' ')
  const { prompt } = await renderOne(request, ['--ladder', 'preview'])
  t.equal(prompt.slice(0, expected.length), expected)
  t.equal(prompt.slice(expected.length), '<｜Assistant｜><think>', 'the serving form always asks for an answer')

  const { prompt: bare } = await renderOne('[{"role":"user","content":"Hello"}]')
  t.match(bare, /^<｜begin▁of▁sentence｜>Reasoning Effort: .*<｜User｜>Hello<｜Assistant｜><think>$/s, 'effort high is the default, and says so on the 0731 ladder')
})

await t.test('prompt token counts are those of the hosted API', async t => {
  const { prompts } = JSON.parse(readVectorText('hosted-api/manifest.json')) as { prompts: Array<{ id: string }> }
  t.equal(prompts.length, 5)
  for (const { id } of prompts) {
    const capture = JSON.parse(readVectorText(`hosted-api/official/${id}.official.json`)) as { request: unknown, usage: { prompt_tokens: number } }
    t.equal((await renderOne(capture.request)).ids.length, capture.usage.prompt_tokens, id)
  }
})

await t.test('schemas keep their key order and number spelling', async t => {
  const { prompt } = await renderOne('{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"10":1e2,"2":12345678901234567890,"__proto__":-0.0}}}]}')
  t.match(prompt, '{"name": "f", "parameters": {"10": 100.0, "2": 12345678901234567890, "__proto__": -0.0}}')
})

await t.test('arguments that arrive as an object are rendered as one', async t => {
  const { prompt } = await renderOne('{"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"b":1.50,"a":"t"}}}]},{"role":"tool","tool_call_id":"a","content":"r"}]}')
  t.match(prompt, '<｜DSML｜parameter name="b" string="false">1.5</｜DSML｜parameter>\n<｜DSML｜parameter name="a" string="true">t</｜DSML｜parameter>')
})

await t.test('bad input is one clear line that names the line', async t => {
  await t.rejects(renderOne('{"messages":'), { name: 'CliInputError', message: /^line 1: Failed to parse the request body as JSON/ })
  await t.rejects(renderOne({ messages: [{ role: 'bird', content: '' }] }), { message: /^line 1: .*unknown variant `bird`/ })
  await t.rejects(renderOne({ messages: [] }), CliInputError)
  await t.rejects(renderOne({ messages: [{ role: 'user', content: 'x' }] }, ['--ladder', 'v5']), { message: '--ladder must be preview or 0731, not v5' })
  await t.rejects(runCommand(runRender, ['--lader', 'preview'], []), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
})
