import t from 'tap'
import { says, startGateway } from '../start-gateway.js'

const question = { model: 'deepseek-v4-flash', stream: true, messages: [{ role: 'user', content: 'Hi' }] }

await t.test('a stream in line is told its place, then how long it stood there', async t => {
  let letGo = (): void => {}
  const held = new Promise<void>(resolve => { letGo = resolve })
  const { post, pools } = await startGateway(t, {
    settings: { keepAliveMs: 5 },
    dispatcher: { maxJobsPerWorker: 1 },
    answer: async function * (job) {
      await held
      yield * says('Hello there.')(job)
    }
  })
  const first = post(question)
  while (pools.registry.list('flash')[0]?.inFlight.jobs !== 1) await new Promise(resolve => setImmediate(resolve))
  const second = await post(question, { 'x-gearbox-session': 'mine' })
  t.equal(second.status, 200)
  t.equal(second.headers.get('x-gearbox-queue-ms'), null, 'nobody knows yet')
  const reader = second.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes(': in line, position 1 of 1 (busy)\n\n')) text += (await reader?.read())?.value ?? ''
  letGo()
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) text += piece.value
  t.match(text, /: a worker after \d+ ms in line\n\n/)
  t.match(text, /data: \[DONE\]\n\n$/)
  t.match((await first).headers.get('x-gearbox-queue-ms'), /^\d+$/)
  await (await first).text()
})

await t.test('what ends in line before it was told anything has its own status', async t => {
  let letGo = (): void => {}
  const held = new Promise<void>(resolve => { letGo = resolve })
  const { post, pools } = await startGateway(t, {
    dispatcher: { maxJobsPerWorker: 1, maxWaiting: 0 },
    answer: async function * (job) {
      await held
      yield * says('Hello there.')(job)
    }
  })
  const first = post(question)
  while (pools.registry.list('flash')[0]?.inFlight.jobs !== 1) await new Promise(resolve => setImmediate(resolve))
  const second = await post(question)
  t.equal(second.status, 503)
  t.match(second.headers.get('retry-after'), /^\d+$/)
  t.match(await second.json(), { error: { message: /busy; 0 requests wait already; flash-0 is serving/ } })
  letGo()
  await (await first).text()
})

await t.test('a session is a short name', async t => {
  const { post } = await startGateway(t)
  const reply = await post(question, { 'x-gearbox-session': 'x'.repeat(257) })
  t.equal(reply.status, 400)
  t.match(await reply.json(), { error: { param: 'x-gearbox-session' } })
})
