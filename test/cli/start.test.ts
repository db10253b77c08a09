/** `gearbox start` as a process: what it says while it loads, and that the command it prints works as printed. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

await t.test('start says what its workers are at, then how to call it and where the console is', async t => {
  const child = spawn(process.execPath, ['bin/gearbox.js', 'start', '--log-level', 'silent'], { env: { ...process.env, PORT: '0', GEARBOX_ADMIN_PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let said = ''
  for await (const piece of child.stdout) {
    said += String(piece)
    if (said.includes('/console')) break
  }
  t.match(said, /listens on http:\/\/127\.0\.0\.1:\d+; loading flash-mini and pro-mini/)
  for (const worker of ['flash-0', 'pro-0']) {
    t.match(said, new RegExp(`  ${worker} registered: not yet reached \\(\\d+ s\\)\n`))
    t.match(said, new RegExp(`  ${worker} (starting|warming|serving): .+ \\(\\d+ s\\)\n`))
  }
  t.match(said, /ready in \d+ ms/)

  const command = /^ {2}curl [^]*?'$/m.exec(said)?.[0] ?? ''
  const { stdout } = await run('bash', ['-c', command])
  t.match(JSON.parse(stdout), { object: 'chat.completion', choices: [{ message: { content: /./ } }] })
  const console = /http:\S+\/console/.exec(said)?.[0] ?? ''
  t.match(await (await fetch(console)).text(), '<title>Gearbox</title>')

  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  t.equal(code, 0)
})
