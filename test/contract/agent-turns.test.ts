/** Turns of coding agents as they were recorded (long texts cut): what they send is taken, and their second request continues the first word for word. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { replies, startGateway, tokenizer } from '../http/start-gateway.js'

interface RecordedRequest { path: string, headers: Record<string, string>, body: object }

/** This file runs as dist/test/contract/agent-turns.test.js. */
const fixtures = join(import.meta.dirname, '../../../test/fixtures/wire')

const callText = (name: string, parameters: string[][]) => `I look.</think>\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name="${name}">\n${parameters.map(([key, value]) => `<｜DSML｜parameter name="${key}" string="true">${value}</｜DSML｜parameter>\n`).join('')}</｜DSML｜invoke>\n</｜DSML｜tool_calls>`

const agents: Array<[file: string, call: string, isGood: RegExp, tier: string]> = [
  ['codex-turn.json', callText('exec_command', [['cmd', 'cat note.txt']]), /event: response\.completed\ndata: [^\n]+\n\n$/, 'pro'],
  ['claude-code-turn.json', callText('Bash', [['command', 'cat note.txt'], ['description', 'Show the note']]), /event: message_stop\ndata: [^\n]+\n\n$/, 'flash'],
  ['opencode-turn.json', callText('bash', [['command', 'cat note.txt'], ['description', 'Show the note']]), /\n\ndata: \[DONE\]\n\n$/, 'flash']
]

for (const [file, call, isGood, tier] of agents) {
  await t.test(file, async t => {
    const gateway = await startGateway(t, { answer: replies(prompt => prompt.includes('<tool_result>') ? 'ok</think>It says marker-4711.' : call) })
    let callId = 'CALL_ID'
    for (const { path, headers, body } of JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as RecordedRequest[]) {
      const response = await fetch(gateway.url + path, { method: 'POST', headers, body: JSON.stringify(body).replaceAll('CALL_ID', callId) })
      const text = await response.text()
      t.equal(response.status, 200)
      t.equal(response.headers.get('x-gearbox-tier'), tier)
      t.ok(isGood.test(text), 'the stream ends well')
      callId = /call_00_\w{24}/.exec(text)?.[0] ?? callId
    }
    t.equal(gateway.jobs.length, 2)
    const [before, after] = gateway.jobs.map(job => job.tokenIds)
    t.strictSame(after?.slice(0, before?.length), before)
    const rest = tokenizer.decode(after?.slice(before?.length) ?? [])
    t.ok(rest.startsWith(call), 'the call as the model wrote it, with its reasoning')
    t.match(rest, /<tool_result>[^]+<\/tool_result><｜Assistant｜><think>$/)
    t.notMatch(tokenizer.decode(before ?? []), /billing|web_search|namespace/)
  })
}
