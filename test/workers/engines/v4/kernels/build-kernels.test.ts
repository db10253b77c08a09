import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

const repository = new URL('../../../../../../', import.meta.url)
const committed = new URL('workers/engines/v4/kernels/wasm/', repository)

await t.test('the committed kernels are what the AssemblyScript sources compile to', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'kernels-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await promisify(execFile)(process.execPath, ['scripts/build-kernels.js', folder], { cwd: repository })
  for (const file of ['kernels.wasm', 'kernels-relaxed.wasm']) {
    const [fresh, kept] = [await readFile(join(folder, file)), await readFile(new URL(file, committed))]
    t.ok(fresh.equals(kept), `${file} is stale: run node scripts/build-kernels.js`)
  }
})
