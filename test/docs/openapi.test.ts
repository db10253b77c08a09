import t from 'tap'
import { z } from 'zod'
import { chatRequestSchema } from '../../src/dialects/chat/request-schema.js'
import { errorTable } from '../../src/errors.js'
import { says, startGateway } from '../http/start-gateway.js'
import { testBatches } from '../http/test-batches.js'
import { inlined, openApi } from './openapi-document.js'
import { checkDocumented } from './schema-fields.js'

interface Row { status: number, type: string, wireCode?: string }
const rows = Object.entries<Row>(errorTable)

await checkDocumented(t, 'ChatRequest', chatRequestSchema, { moreThan: 120 })

await t.test('the error codes and types are those of the table, both ways', async t => {
  const { schemas } = openApi.components
  t.strictSame(schemas['ErrorCode']?.enum, [...new Set(rows.map(([name, { wireCode }]) => wireCode ?? name))])
  t.strictSame([...schemas['Error']?.properties?.['type']?.enum ?? []].sort(), [...new Set(rows.map(([, { type }]) => type))].sort())
})

await t.test('every status that an answer can have is documented', async t => {
  const documented = Object.keys(openApi.paths['/v1/chat/completions']?.['post']?.responses ?? {}).map(Number)
  // 499 is for the log: nobody is left to read it.
  const possible = [200, ...new Set(rows.map(([, { status }]) => status).filter(status => status !== 499))]
  t.strictSame(documented, possible.sort((first, second) => first - second))
})

await t.test('every documented path is served', async t => {
  const { url } = await startGateway(t, { batches: testBatches(t) })
  for (const [path, methods] of Object.entries(openApi.paths)) {
    for (const method of Object.keys(methods)) {
      if (method === 'parameters') continue
      const response = await fetch(url + path.replace('{id}', 'auto'), { method: method.toUpperCase() })
      t.notMatch(await response.text(), /unknown_path|method_not_allowed|"not_found_error/, `${method} ${path}: ${response.status}`)
    }
  }
})

await t.test('answers, chunks and errors are what the document says', async t => {
  const callText = '</think>Text<｜DSML｜tool_calls>\n<｜DSML｜invoke name="f">\n<｜DSML｜parameter name="a" string="true">b</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
  const { post, url } = await startGateway(t, { answer: says(`thoughts${callText}`) })
  const broken = await startGateway(t, { simulator: { faults: [{ kind: 'cut', afterTokens: 1 }] }, dispatcher: { retries: { maxAttempts: 1 } } })
  const conforms = (name: string, value: unknown) => {
    const result = z.fromJSONSchema(inlined({ $ref: `#/components/schemas/${name}` })).safeParse(value)
    t.ok(result.success, `${name}: ${result.success ? '' : z.prettifyError(result.error)}`)
  }
  const hello = { model: 'auto', messages: [{ role: 'user', content: 'x' }], tools: [{ type: 'function', function: { name: 'f' } }] }
  const eventsOf = async (response: Response) => (await response.text()).trim().split('\n\n').map(line => line.slice('data: '.length))
  for (const fields of [{}, { logprobs: true, top_logprobs: 1 }, { thinking: { type: 'disabled' } }]) {
    conforms('ChatCompletion', await (await post({ ...hello, ...fields })).json())
    for (const usage of [false, true]) {
      const events = await eventsOf(await post({ ...hello, ...fields, stream: true, stream_options: { include_usage: usage } }))
      t.equal(events.pop(), '[DONE]')
      for (const event of events) conforms('ChatChunk', JSON.parse(event))
    }
  }
  const failed = await eventsOf(await broken.post({ ...hello, stream: true }))
  conforms('ErrorChunk', JSON.parse(failed.at(-1) ?? ''))
  conforms('ErrorEnvelope', await (await post({})).json())
  conforms('Model', await (await fetch(`${url}/v1/models/auto`)).json())
  conforms('Readiness', await (await fetch(`${url}/ready`)).json())
})
