import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorTable } from '../../src/errors.js'

/** This file runs as dist/test/docs/errors.test.js. */
const docs = join(import.meta.dirname, '../../../docs')

interface Row { status: number, type: string, isRetryable: boolean, wireCode?: string }

await t.test('docs/errors.md has every row of the table, and no other', async t => {
  const documented = readFileSync(join(docs, 'errors.md'), 'utf8').split('\n').filter(line => line.startsWith('| `')).map(line => {
    const [name, status, code, type, retry, advice] = line.split('|').slice(1, -1).map(cell => cell.trim().replaceAll('`', ''))
    t.ok((advice ?? '').length > 10, `${name} says when`)
    return [name, { status: Number(status), code, type, isRetryable: retry === 'yes' }]
  })
  const table = Object.entries<Row>(errorTable).map(([name, row]) => [name, { status: row.status, code: row.wireCode ?? name, type: row.type, isRetryable: row.isRetryable }])
  t.strictSame(Object.fromEntries(documented), Object.fromEntries(table))
  t.equal(documented.length, table.length)
})

await t.test('docs/request-path.md names only errors that exist', async t => {
  const cells = readFileSync(join(docs, 'request-path.md'), 'utf8').split('\n').filter(line => /^\| \w+ \|/.test(line)).map(line => line.split('|').at(-2) ?? '')
  const named = cells.flatMap(cell => [...cell.matchAll(/`(\w+)`/g)].map(match => match[1] ?? ''))
  t.ok(named.length > 15)
  t.strictSame(named.filter(name => !(name in errorTable)), [])
})

await t.test('src/app.ts fits on one screen', async t => {
  const lines = readFileSync(join(docs, '../src/app.ts'), 'utf8').split('\n').length
  t.ok(lines <= 80, `${lines} lines`)
})
