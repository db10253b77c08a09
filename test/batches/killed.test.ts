/** kill -9 at random moments, a new process each time: every request has one result, and only what was under way ran again. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import OpenAI, { toFile } from 'openai'
import t from 'tap'

const concurrency = 3
const requests = 60
const kills = 6

interface Running {
  child: ChildProcess
  client: OpenAI
}

const jobs: string[] = []

async function start (folder: string): Promise<Running> {
  const child = fork(join(import.meta.dirname, 'batch-process.js'), [join(folder, 'state')], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...process.env, TMPDIR: folder } })
  const { stdout } = child
  if (stdout === null) throw new Error('no output')
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => { reject(new Error(`ended with ${String(code)}`)) })
    createInterface({ input: stdout }).on('line', line => {
      const [word, rest = ''] = line.split(' ')
      if (word === 'listens') resolve(rest)
      if (word === 'job') jobs.push(rest)
    })
  })
  return { child, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 }) }
}

async function kill ({ child }: Running): Promise<void> {
  const ended = once(child, 'close')
  child.kill('SIGKILL')
  await ended
}

await t.test('a batch outlives the processes that run it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'killed-'))
  let running = await start(folder)
  t.after(async () => {
    if (running.child.exitCode === null && running.child.signalCode === null) await kill(running)
    await rm(folder, { recursive: true, force: true })
  })
  const names = Array.from({ length: requests }, (_, index) => `n${index}`)
  const lines = names.map(name => JSON.stringify({ custom_id: name, method: 'POST', url: '/v1/chat/completions', body: { model: name === 'n5' ? 'nobody' : 'deepseek-chat', messages: [{ role: 'user', content: `request ${name}` }] } }))
  const input = await running.client.files.create({ purpose: 'batch', file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl') })
  const { id } = await running.client.batches.create({ input_file_id: input.id, endpoint: '/v1/chat/completions', completion_window: '24h' })

  const delays = Array.from({ length: kills }, (_, index) => index === 0 ? 0 : Math.random() * 600)
  for (const delay of delays) {
    await new Promise(resolve => setTimeout(resolve, delay))
    await kill(running)
    running = await start(folder)
  }
  t.comment(`killed after ${delays.map(Math.round).join(', ')} ms; ${jobs.length} jobs so far`)

  let batch = await running.client.batches.retrieve(id)
  for (let tries = 0; tries < 5000 && batch.status !== 'completed'; tries++) {
    await new Promise(resolve => setTimeout(resolve, 20))
    batch = await running.client.batches.retrieve(id)
  }
  t.match(batch, { status: 'completed', request_counts: { total: requests, completed: requests - 1, failed: 1 } })
  const read = async (fileId: string | null | undefined) => (await (await running.client.files.content(fileId ?? '')).text()).trim().split('\n').map(line => JSON.parse(line) as { custom_id: string, response: { body: { choices?: Array<{ message: { content: string } }> } } })
  const [output, errors] = [await read(batch.output_file_id), await read(batch.error_file_id)]
  t.strictSame([...output, ...errors].map(line => line.custom_id).sort(), [...names].sort(), 'each custom_id once, in one of the files')
  t.ok(output.every(line => line.response.body.choices?.[0]?.message.content === `Answer to ${line.custom_id}`), 'with its own answer')
  t.strictSame(errors.map(line => line.custom_id), ['n5'])
  t.equal(new Set(jobs).size, requests - 1)
  t.ok(jobs.length <= requests - 1 + kills * concurrency, `only what was under way ran again: ${jobs.length} jobs`)
  t.equal((await running.client.files.list()).data.length, 3, 'input, output, errors')
})
