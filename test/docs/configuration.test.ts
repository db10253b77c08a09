import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configurationPage } from '../../src/config/configuration-page.js'
import { loadConfig } from '../../src/config/load-config.js'
import { configSchema } from '../../src/config/schema.js'

/** This file runs as dist/test/docs/configuration.test.js. */
const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
const rows = page.split('\n').filter(line => line.startsWith('| `')).map(line => line.split(/(?<!\\)\|/).slice(1, -1).map(cell => cell.trim()))

function pathsOf (value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return Object.entries(value).flatMap(([name, part]) => pathsOf(part, path === '' ? name : `${path}.${name}`))
}

await t.test('the page is fresh (npm run build:schema)', async t => {
  t.equal(page, configurationPage(readFileSync(join(root, 'config/gateway.yaml'), 'utf8')))
})

await t.test('every setting is on the page with its meaning, and nothing that is none', async t => {
  const documented = rows.map(([name = '']) => name.replaceAll('`', ''))
  for (const [name, , , meaning = ''] of rows) t.ok(meaning.length > 5, `${name} says what it is for`)
  const settings = pathsOf(configSchema.parse({}))
  // A table of the user's own names is one setting.
  t.strictSame(settings.filter(path => !documented.some(name => path === name || path.startsWith(`${name}.`))), [], 'in the schema and not on the page')
  t.strictSame(documented.filter(name => !settings.some(path => path === name || path.startsWith(`${name}.`))), [], 'on the page and not in the schema')
})

await t.test('every variable on the page has an effect, and every variable that has one is on the page', async t => {
  const values: Record<string, string> = { HOST: '::1', PORT: '1', GEARBOX_KEYS: 'k', GEARBOX_STORE: 's', GEARBOX_ADMIN_HOST: '::1', GEARBOX_ADMIN_PORT: '2', GEARBOX_ADMIN_SECRET: 's', GEARBOX_LOG_LEVEL: 'warn', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }
  const listed = [...(page.split('\n').find(line => line.startsWith('The environment wins')) ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name ?? '')
  t.strictSame(listed.sort(), Object.keys(values).sort())
  const untouched = JSON.stringify(loadConfig(null, {}))
  for (const name of listed) t.not(JSON.stringify(loadConfig(null, { [name]: values[name] })), untouched, name)
  const read = [...readFileSync(join(root, 'src/config/load-config.ts'), 'utf8').matchAll(/\b([A-Z][A-Z_]{3,}): \w+/g)].map(([, name]) => name ?? '')
  t.strictSame(read.sort(), listed.sort())
})
