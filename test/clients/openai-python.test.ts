/** openai for Python against our own engine: one script, whose findings are read here. CI installs it; elsewhere it may be missing. */
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { z } from 'zod'
import { readEnvironment } from '../../src/config/load-config.js'
import { flash, france, placeQuestion, startMiniGateway, weather } from './mini-gateway.js'

/** This file runs as dist/test/clients/openai-python.test.js. */
const script = join(import.meta.dirname, '../../../test/clients/openai_client.py')
const { PYTHON: python = 'python3', CI: isCi } = readEnvironment()
const isThere = spawnSync(python, ['-c', 'import openai']).status === 0
if (!isThere && isCi === 'true') throw new Error('openai for Python is not installed: CI must run this test (.ci/run makes PYTHON)')

await t.test('openai for Python', { skip: isThere ? false : `${python} cannot import openai; set PYTHON to one that can (pip install openai)` }, async t => {
  const gateway = await startMiniGateway(t)
  const { question, result, ...tool } = weather
  const fixture = { model: flash, question: france.question, tool, toolQuestion: question, toolResult: result, placeQuestion }
  const { stdout } = await promisify(execFile)(python, [script, gateway.url, gateway.apiKey, JSON.stringify(fixture)])
  const findings = stdout.trim().split('\n').map(line => z.looseObject({ case: z.string() }).parse(JSON.parse(line)))
  const expected: Record<string, object> = {
    version: { version: /^[3-9]\./ },
    plain: { content: france.answer, finish: 'stop', request_id: /^[0-9a-f-]{36}$/, total: Number },
    streamed: { reasoning: /./, content: /./, total: Number },
    tools: { name: weather.name, arguments: { city: String }, streamed: true },
    'tool result': { finish: 'stop' },
    structured: { chat: true, responses: true },
    responses: { content: france.answer, streamed_content: france.answer },
    models: { known: true },
    batch: { status: /^(validating|in_progress|finalizing|completed)$/, listed: true },
    'wrong key': { error: 'AuthenticationError', status: 401, code: 'invalid_api_key', request_id: /./ },
    'unknown model': { error: 'BadRequestError', status: 400, code: 'model_not_found' },
    'wrong type': { error: 'UnprocessableEntityError', status: 422 },
    'no such thing': { error: 'NotFoundError', status: 404 },
    'too long': { error: 'BadRequestError', status: 400, code: 'context_length_exceeded' },
    abort: { content: /./ },
    async: { contents: [france.answer, france.answer, france.answer] }
  }
  t.strictSame(findings.map(finding => finding.case), Object.keys(expected))
  for (const finding of findings) t.match(finding, expected[finding.case], finding.case)
  const streamed = findings.find(finding => finding.case === 'streamed')
  t.equal(streamed?.['streamed_reasoning'], streamed?.['reasoning'], 'temperature 0 says the same again')
  t.equal((await gateway.outcomes()).filter(outcome => outcome === 'cancelled').length, 1)
})
