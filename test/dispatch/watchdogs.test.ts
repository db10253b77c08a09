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

await t.test('events that are no tokens do not calm the watchdog, tokens do', async t => {
  const clock = new ManualClock()
  const bites: WorkerFault[] = []
  let next: (event: JobEvent) => void = () => {}
  async function * events (): AsyncGenerator<JobEvent, void, undefined> {
    while (true) yield await new Promise<JobEvent>(resolve => { next = resolve })
  }
  const watched = watch(events(), 100, { ...defaultWatchdogLimits, silenceMs: 10 }, clock, fault => bites.push(fault))
  const pull = async (event: JobEvent, afterMs: number): Promise<void> => {
    const result = watched.next()
    await Promise.resolve()
    clock.advance(afterMs)
    next(event)
    await result
  }
  await pull({ type: 'accepted', cachedTokens: null }, 60)
  await pull({ type: 'load', report: new SimulatorEngine().load() }, 39)
  t.equal(bites.length, 0)
  await pull({ type: 'tokens', ids: [1] }, 1)
  t.match(bites, [{ kind: 'silent', message: 'no first token within 100 ms' }])
  await pull({ type: 'tokens', ids: [2] }, 9)
  t.equal(bites.length, 1)
  await pull({ type: 'tokens', ids: [3] }, 10)
  t.match(bites[1], { message: 'no token within 10 ms', isRetryable: true })
})
