/** F9: an answer that has nothing in it although tools were on offer. */
import type OpenAI from 'openai'
import t from 'tap'
import type { AnswerSource } from '../../workers/engines/simulator/simulated-answer.js'
import { idsOf, says, startGateway } from '../http/start-gateway.js'

const weather: OpenAI.ChatCompletionTool = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }
const call = '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="weather">\n<｜DSML｜parameter name="city" string="true">Oslo</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
const ask = { model: 'deepseek-v4-flash', messages: [{ role: 'user' as const, content: 'Weather?' }], tools: [weather] }

/** Thinks and stops the first time. */
function emptyFirst (): AnswerSource {
  let asked = 0
  return job => says(asked++ === 0 ? 'I should look.</think>' : `Indeed.</think>${call}`)(job)
}

await t.test('F9 an empty answer after reasoning is asked for once more, and is one answer to the client', async t => {
  const gateway = await startGateway(t, { answer: emptyFirst() })
  const { choices, usage } = await gateway.sdk().chat.completions.create(ask)
  t.match(choices[0], { finish_reason: 'tool_calls', message: { reasoning_content: 'I should look.Indeed.', tool_calls: [{ function: { name: 'weather' } }] } })
  t.equal(gateway.jobs.length, 2)
  t.equal(usage?.prompt_tokens, gateway.jobs[0]?.tokenIds.length, 'the prompt is counted once')
  t.ok((usage?.completion_tokens ?? 0) >= idsOf('I should look.</think>Indeed.</think>').length)

  const streaming = await startGateway(t, { answer: emptyFirst() })
  const finishes = []
  for await (const { choices: [choice] } of await streaming.sdk().chat.completions.create({ ...ask, stream: true })) finishes.push(choice?.finish_reason ?? null)
  t.same(finishes.filter(reason => reason !== null), ['tool_calls'])
})

await t.test('F9 it is not asked for when it would come out the same, or when nothing is missing', async t => {
  for (const changes of [{ temperature: 0 }, { tools: [] }]) {
    const gateway = await startGateway(t, { answer: emptyFirst() })
    await gateway.sdk().chat.completions.create({ ...ask, ...changes })
    t.equal(gateway.jobs.length, 1)
  }
})
