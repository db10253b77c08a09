import t from 'tap'
import { StoreUnavailableError } from '../../src/stores/account-store.js'
import { StoreBreaker } from '../../src/stores/store-breaker.js'

const away = (): Promise<never> => Promise.reject(new StoreUnavailableError('away'))
const here = (): Promise<string> => Promise.resolve('here')

await t.test('asks no more after failures in a row, then lets one probe through', async t => {
  const clock = { nowMs: 0 }
  const breaker = new StoreBreaker({ failures: 2, openMs: 100, clock: () => clock.nowMs })
  let asked = 0
  const count = async (command: () => Promise<string>): Promise<string> => breaker.run(() => {
    asked++
    return command()
  })
  await t.rejects(count(away), StoreUnavailableError)
  t.equal(await count(here), 'here')
  await t.rejects(count(away), StoreUnavailableError)
  t.notOk(breaker.isOpen, 'an answer between starts the count anew')
  await t.rejects(count(away), StoreUnavailableError)
  t.ok(breaker.isOpen)
  asked = 0
  await t.rejects(count(here), { message: /not asked/ })
  t.equal(asked, 0)

  clock.nowMs = 100
  let answer: (text: string) => void = () => {}
  const probe = count(() => new Promise(resolve => { answer = resolve }))
  await t.rejects(count(here), { message: /not asked/ }, 'one probe at a time')
  answer('back')
  t.equal(await probe, 'back')
  t.equal(await count(here), 'here')
  t.notOk(breaker.isOpen)
})

await t.test('a failed probe opens it again; an error that is an answer does not count', async t => {
  const clock = { nowMs: 0 }
  const breaker = new StoreBreaker({ failures: 1, openMs: 100, clock: () => clock.nowMs })
  await t.rejects(breaker.run(() => Promise.reject(new TypeError('a defect'))), TypeError)
  t.notOk(breaker.isOpen)
  await t.rejects(breaker.run(away), StoreUnavailableError)
  clock.nowMs = 100
  await t.rejects(breaker.run(away), { message: 'away' })
  await t.rejects(breaker.run(here), { message: /not asked/ })
  clock.nowMs = 200
  await t.rejects(breaker.run(() => Promise.reject(new TypeError('a defect'))), TypeError)
  t.equal(await breaker.run(here), 'here')
})
