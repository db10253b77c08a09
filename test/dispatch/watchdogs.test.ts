import t from 'tap'
import { defaultWatchdogLimits, firstTokenLimitMs, watch } from '../../src/dispatch/watchdogs.js'
import type { WorkerFault } from '../../src/dispatch/worker-fault.js'
import type { JobEvent } from '../../workers/contract/event.js'
import { SimulatorEngine } from '../../workers/engines/simulator/simulator-engine.js'
import { ManualClock } from './manual-clock.js'

await t.test('the first token may take longer the more is to be prefilled, within bounds', async t => {
  const limits = { ...defaultWatchdogLimits, firstTokenBaseMs: 8000, firstTokenFloorMs: 15_000, firstTokenCeilingMs: 600_000, prefillTokensPerSecond: 1000 }
  t.equal(firstTokenLimitMs(limits, 100), 15_000)
  t.equal(firstTokenLimitMs(limits, 10_000), 38_000)
  t.equal(firstTokenLimitMs(limits, 1_000_000), 600_000)
})

interface Watched {
  bites: WorkerFault[]
  /** Asks for the next event, lets time pass, then lets the event come. */
  pull: (event: JobEvent, afterMs: number) => Promise<void>
}

function startWatch (hasProgressed: () => boolean): Watched {
  const clock = new ManualClock()
  const bites: WorkerFault[] = []
  let next: (event: JobEvent) => void = () => {}
  async function * events (): AsyncGenerator<JobEvent, void, undefined> {
    while (true) yield await new Promise<JobEvent>(resolve => { next = resolve })
  }
  const limits = { ...defaultWatchdogLimits, queueMs: 1000, silenceMs: 10 }
  const watched = watch(events(), { firstTokenMs: 100, limits, clock, hasProgressed, bite: fault => bites.push(fault) })
  return {
    bites,
    async pull (event, afterMs) {
      const result = watched.next()
      await Promise.resolve()
      clock.advance(afterMs)
      next(event)
      await result
    }
  }
}

const accepted: JobEvent = { type: 'accepted', cachedTokens: null }
const load: JobEvent = { type: 'load', report: new SimulatorEngine().load() }
const token: JobEvent = { type: 'tokens', ids: [1] }

await t.test('after accepted, only tokens calm it', async t => {
  const { bites, pull } = startWatch(() => true)
  await pull(accepted, 60)
  await pull(load, 60)
  await pull(load, 39)
  t.equal(bites.length, 0)
  await pull(token, 1)
  t.match(bites, [{ kind: 'silent', message: 'no first token within 100 ms' }])
  await pull(token, 9)
  t.equal(bites.length, 1)
  await pull(token, 10)
  t.match(bites[1], { message: 'no token within 10 ms', isRetryable: true })
})

await t.test('in the worker\'s line a job waits while the worker gets on with others', async t => {
  const patient = startWatch(() => true)
  await patient.pull(accepted, 950)
  t.equal(patient.bites.length, 0)
  await patient.pull(token, 99)
  t.equal(patient.bites.length, 0, 'the wait is not held against the first token')

  const hung = startWatch(() => false)
  await hung.pull(accepted, 100)
  t.match(hung.bites, [{ message: 'not accepted within 100 ms' }])

  const endless = startWatch(() => true)
  await endless.pull(accepted, 1000)
  t.match(endless.bites, [{ message: 'not accepted within 1000 ms' }])
})
