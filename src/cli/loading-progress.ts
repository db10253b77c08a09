import type { RunningGateway } from '../server.js'
import type { CliIo } from './cli-io.js'

/** A worker that says nothing new for this long is named again, so that nobody thinks the process hangs: Pro's weights take an hour. */
const reminderMs = 15_000

/** Says what each worker is at until it serves. @returns ends it */
export function showLoading (gateway: Pick<RunningGateway, 'workerStates' | 'onWorkerChange'>, io: CliIo): () => void {
  const startedAt = performance.now()
  const said = new Map<string, string>()
  const show = (isReminder: boolean): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    for (const { workerId, state, stateReason } of gateway.workerStates()) {
      const words = `${state}: ${stateReason}`
      if (said.get(workerId) === words && !(isReminder && state !== 'serving')) continue
      said.set(workerId, words)
      io.write(`  ${workerId} ${words} (${seconds} s)\n`)
    }
  }
  const stop = gateway.onWorkerChange(() => { show(false) })
  const timer = setInterval(() => { show(true) }, reminderMs)
  timer.unref()
  show(false)
  return () => {
    stop()
    clearInterval(timer)
  }
}
