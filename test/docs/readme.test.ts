/** What the README tells a newcomer to type works as printed; only the port differs. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const readme = readFileSync('README.md', 'utf8')

function blocks (language: string): string[] {
  return [...readme.matchAll(new RegExp('```' + language + '\\n([\\s\\S]*?)```', 'g'))].map(match => match[1] ?? '')
}

/** The gateway as `npm start` runs it, on a free port. */
async function startedGateway (): Promise<{ address: string, stop: () => Promise<number | null> }> {
  const child = spawn(process.execPath, ['bin/gearbox.js', 'start'], { env: { ...process.env, PORT: '0', GEARBOX_LOG_LEVEL: 'silent' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line.startsWith('ready')) break
  }
  const address = /listens on (http:\/\/\S+);/.exec(lines.join('\n'))?.[1] ?? ''
  return {
    address,
    stop: async () => {
      child.kill('SIGTERM')
      const [code] = await once(child, 'exit')
      return code as number | null
    }
  }
}

await t.test('the README', async t => {
  const gateway = await startedGateway()
  t.match(gateway.address, /^http:\/\/127\.0\.0\.1:\d+$/)
  const here = (text: string): string => text.replaceAll('http://127.0.0.1:8080', gateway.address)

  await t.test('its curl command answers what the README says', async t => {
    const command = blocks('sh').find(block => block.startsWith('curl')) ?? ''
    const { stdout } = await run('bash', ['-c', here(command)])
    const answer = JSON.parse(stdout)
    t.equal(answer.object, 'chat.completion')
    const said = /It says `([^`]+)`/.exec(readme)?.[1]
    t.equal(answer.choices[0].message.content, said)
  })

  await t.test('its SDK snippet writes what the README says', async t => {
    const file = 'dist/test/docs/readme-snippet.mjs'
    await writeFile(file, here(blocks('js')[0] ?? ''))
    t.teardown(async () => { await rm(file) })
    const { stdout } = await run(process.execPath, [file])
    t.equal(stdout, /This one writes `([^`]+)`/.exec(readme)?.[1])
  })

  t.equal(await gateway.stop(), 0, 'SIGTERM ends it with exit code 0')
})

await t.test('the map names every folder of the house, and every name in it exists', async t => {
  const map = readme.slice(readme.indexOf('## The map'))
  const named = [...map.matchAll(/`([a-z0-9./-]+)`/g)].map(match => match[1] ?? '').filter(name => name.includes('/') || existsSync(name))
  for (const name of named) t.ok(existsSync(name), `${name} exists`)
  for (const entry of readdirSync('src', { withFileTypes: true })) {
    t.ok(map.includes(`src/${entry.name}`), `src/${entry.name} is on the map`)
  }
})
