import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { SimulatorEngine } from '../../../workers/engines/simulator/simulator-engine.js'
import { createHostServer, listenAt } from '../../../workers/host/host-server.js'
import { WorkerHost } from '../../../workers/host/worker-host.js'

const serverOf = (): ReturnType<typeof createHostServer> => createHostServer(new WorkerHost({ workerId: 'flash-0', tier: 'flash' }, Promise.resolve(new SimulatorEngine())), pino({ level: 'silent' }))

await t.test('the socket that a killed worker left behind is taken over, one in use is not', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-listen-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const socketPath = join(folder, 'worker.sock')
  const killed = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => { console.log('up') })`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(killed.stdout, 'data')
  const gone = once(killed, 'exit')
  killed.kill('SIGKILL')
  await gone

  const [first, second] = [serverOf(), serverOf()]
  t.teardown(async () => { await Promise.all([first.close(), second.close()]) })
  t.equal(await listenAt(first, { socketPath }), `unix:${socketPath}`)
  await t.rejects(listenAt(second, { socketPath }), { code: 'EADDRINUSE' })
})
