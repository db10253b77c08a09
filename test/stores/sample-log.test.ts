import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SampleLog } from '../../src/stores/sample-log.js'

function folder (t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'gearbox-samples-'))
  t.teardown(() => { rmSync(path, { recursive: true }) })
  return path
}

const fail = (error: unknown): never => { throw error }
const linesOf = (path: string): object[] => readFileSync(path, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as object)

await t.test('goes on where it was, and never grows beyond its bound', async t => {
  const path = join(folder(t), 'deep', 'samples.jsonl')
  const maxBytes = 2000
  let number = 0
  for (let run = 0; run < 3; run++) {
    const log = new SampleLog({ path, maxBytes, onError: fail })
    for (let round = 0; round < 40; round++) {
      log.add({ number: number++ })
      log.add({ number: number++ })
      await log.close()
      const sizes = [path, `${path}.1`].map(file => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
      t.ok(sizes.every(size => size <= maxBytes / 2))
    }
  }
  const kept = [...linesOf(`${path}.1`), ...linesOf(path)]
  t.same(kept, Array.from({ length: kept.length }, (_, index) => ({ number: number - kept.length + index })), 'the newest, in order')
  t.ok(kept.length > 50)
})

await t.test('a disk that cannot be written is told of, and nobody waits for it', async t => {
  const errors: unknown[] = []
  const log = new SampleLog({ path: '/dev/null/samples.jsonl', maxBytes: 2000, onError: error => { errors.push(error) } })
  for (let number = 0; number < 5000; number++) log.add({ number })
  await log.close()
  t.equal(errors.length, 1, 'one batch, and the rest was left out')
})
