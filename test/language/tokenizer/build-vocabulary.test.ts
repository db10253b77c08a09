import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const root = new URL('../../../../', import.meta.url)

await t.test('the committed vocabulary is what the script builds', async t => {
  const script = fileURLToPath(new URL('scripts/build-vocabulary.js', root))
  await t.resolves(promisify(execFile)(process.execPath, [script, '--check']))
})

await t.test('and it is small', async t => {
  t.ok(statSync(new URL('src/language/tokenizer/deepseek-v4.bin', root)).size < 500_000)
})
