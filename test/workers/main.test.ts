import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { HttpWorkerClient } from '../../src/dispatch/http-worker-client.js'
import { makeJob } from './make-job.js'

const entryPath = fileURLToPath(new URL('../../workers/main.js', import.meta.url))
const never = new AbortController().signal

interface Teardown {
  after (callback: () => Promise<void>): void
}

interface Started {
  child: ChildProcess
  client: HttpWorkerClient
  /** Resolves with the next line of standard output, parsed. */
  notice: () => Promise<{ state: string, instanceId: string }>
  exited: Promise<[number | null, NodeJS.Signals | null]>
}

async function startWorker (t: Teardown, script: object, flags: string[] = []): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'worker-'))
  const socketPath = join(folder, 'w.sock')
  await writeFile(join(folder, 'script.json'), JSON.stringify(script))
  const child = spawn(process.execPath, [entryPath, '--worker-id', 'flash-0', '--tier', 'flash', '--engine', 'simulator',
    '--script', join(folder, 'script.json'), '--socket', socketPath, '--log-level', 'silent', ...flags], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const client = new HttpWorkerClient(`unix:${socketPath}`)
  t.after(async () => {
    await client.destroy()
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  return { child, client, exited, notice: async () => JSON.parse((await lines.next()).value ?? '{}') }
}

await t.test('flags that make no sense end it with one line and exit code 2', async t => {
  for (const [flags, message] of [
    [['--tier', 'flash'], /--worker-id is required/],
    [['--worker-id', 'a', '--tier', 'flash', '--engine', 'simulator'], /--port \(or --socket\) is required/],
    [['--worker-id', 'a', '--tier', 'flash', '--engine', 'abacus', '--port', '1'], /abacus/],
    [['--worker-id', 'a', '--tier', 'flash', '--engine', 'simulator', '--port', 'http'], /whole number/]
  ] as const) {
    const child = spawn(process.execPath, [entryPath, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    t.equal(code, 2)
    t.match(output, message)
    t.equal(output.trim().split('\n').length, 1)
  }
})

await t.test('it answers probes while it loads, then says that it is ready', async t => {
  const { client, notice } = await startWorker(t, { startMs: 200 })
  const loading = await notice()
  t.equal(loading.state, 'loading')
  t.match(await client.readiness(), { state: 'loading', instanceId: loading.instanceId })
  t.same((await notice()).state, 'ready')
  t.match(await client.readiness(), { state: 'ready' })
})

await t.test('SIGTERM lets a running job finish, then it exits with 0', async t => {
  const { child, client, notice, exited } = await startWorker(t, { answer: { kind: 'noise', tokens: 200 }, timing: { decodeMs: 1 } })
  while ((await notice()).state !== 'ready');
  let ids = 0
  let last
  for await (const event of client.generate(makeJob({ sampling: { maxTokens: 1000 } }), never)) {
    if (event.type === 'tokens' && ids++ === 0) child.kill('SIGTERM')
    last = event
  }
  t.equal(ids, 200)
  t.match(last, { type: 'done', finish: 'stop' })
  t.same(await exited, [0, null])
})

await t.test('SIGTERM ends a job that outlasts the grace period as retryable', async t => {
  const { child, client, notice, exited } = await startWorker(t, {}, ['--grace-ms', '0'])
  while ((await notice()).state !== 'ready');
  let last
  for await (const event of client.generate(makeJob({ sampling: { maxTokens: 1_000_000 } }), never)) {
    if (event.type === 'accepted') child.kill('SIGTERM')
    last = event
  }
  t.match(last, { type: 'fail', code: 'worker-draining', retryable: true })
  t.same(await exited, [0, null])
})

await t.test('an engine that fails takes the process down', async t => {
  const { client, notice, exited } = await startWorker(t, { faults: [{ kind: 'die', afterTokens: 2 }] })
  while ((await notice()).state !== 'ready');
  let last
  for await (const event of client.generate(makeJob(), never)) last = event
  t.match(last, { type: 'fail', code: 'rank-died' })
  t.same(await exited, [1, null])
})

await t.test('a checkpoint that cannot be loaded takes the process down', async t => {
  const { exited } = await startWorker(t, { answer: 'not an answer' })
  t.same(await exited, [1, null])
})

await t.test('a supervised worker does not outlive its parent, and takes the sockets\' folder with it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sockets-'))
  const { child, notice, exited } = await startWorker(t, {}, ['--supervised', '--socket', join(folder, 'w.sock')])
  while ((await notice()).state !== 'ready');
  child.stdin?.end()
  t.same(await exited, [0, null])
  t.notOk(existsSync(folder))
})
