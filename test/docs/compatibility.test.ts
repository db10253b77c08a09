/** docs/compatibility.md names tests that exist, for every line. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const lines = readFileSync(`${root}docs/compatibility.md`, 'utf8').split('\n')
const rows = lines.filter((line, index) => line.startsWith('|') && !line.startsWith('| ---') && !(lines[index + 1] ?? '').startsWith('| ---'))

await t.test('every row has a test, and it is there', async t => {
  t.ok(rows.length > 40, String(rows.length))
  for (const row of rows) {
    const files = [...row.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, file]) => file ?? '')
    t.ok(files.length > 0, row.slice(0, 60))
    for (const file of files) t.ok(existsSync(root + file), file)
  }
})

await t.test('files of the source that it names are there', async t => {
  const named = rows.flatMap(row => [...row.matchAll(/`((?:http|dialects|accounts|stores)\/[\w/-]+\.ts)`/g)].map(([, file]) => file ?? ''))
  t.ok(named.length > 10)
  for (const file of named) t.ok(existsSync(`${root}src/${file}`), file)
})

await t.test('the versions are those that are installed', async t => {
  const installed: Record<string, string> = { openai: 'openai for Node ', 'openai-7': ' and ', '@anthropic-ai/sdk': '@anthropic-ai/sdk ', ai: 'Vercel AI SDK ', '@ai-sdk/openai-compatible': '@ai-sdk/openai-compatible ', '@ai-sdk/deepseek': '@ai-sdk/deepseek ', '@langchain/openai': '@langchain/openai ', '@langchain/deepseek': '@langchain/deepseek ' }
  for (const [name, before] of Object.entries(installed)) {
    const { version } = JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8')) as { version: string }
    const [, said = ''] = new RegExp(`${before}([\\d.]+)`).exec(rows.join('\n')) ?? []
    t.ok(said !== '' && `${version}.`.startsWith(`${said}.`), `${name} is ${version}, said ${said}`)
  }
})
