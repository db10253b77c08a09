import { rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import { pino, type Logger } from 'pino'
import type { WorkerNotice } from './contract/notice.js'
import { createEngine } from './engines/create-engine.js'
import { createHostServer, listenAt, type ListenAddress } from './host/host-server.js'
import { keepRegistered } from './host/registration.js'
import { WorkerHost } from './host/worker-host.js'
import type { WorkerFlags } from './worker-flags.js'

/** Time to hand out the last events when the engine has failed, or to close after a drain. */
const closingMs = 3000

/**
 * Loads, listens and serves until told to stop. Standard output carries one JSON line per change of state
 * (WorkerNotice), standard error the log; `/live` is answered while the engine loads.
 *
 * SIGTERM drains for the grace period and exits 0; a second signal, or an engine that failed, exits 1. Supervised, the
 * end of standard input (the parent is gone) counts as SIGTERM without grace, and the socket's folder goes when it is empty.
 *
 * @throws the reason why the engine cannot serve; it never returns otherwise
 */
export async function runWorker (flags: WorkerFlags): Promise<never> {
  const base = { workerId: flags.workerId, tier: flags.tier, pid: process.pid }
  const log = pino({ level: flags.logLevel, base }, pino.destination({ dest: 2, sync: true }))
  const engine = createEngine(flags.choice)
  const host = new WorkerHost({ workerId: flags.workerId, tier: flags.tier }, engine)
  const server = createHostServer(host, log)
  let graceMs = flags.graceMs
  let isOrphan = false
  const leaving = new AbortController()
  let registered = Promise.resolve()

  const shutdown = closeWithGrace({ delay: graceMs + closingMs, logger: false }, async ({ err, signal }) => {
    if (err === undefined) log.info({ signal, running: host.jobs.size }, 'worker stops')
    else log.fatal({ err }, 'worker fails')
    // Out of the gateway's list before it refuses jobs.
    leaving.abort()
    await Promise.race([registered, sleep(closingMs)])
    const closed = host.drain(err === undefined ? graceMs : 0).then(async () => {
      await server.close()
      await host.close()
      if (isOrphan) await removeFolder(flags.address)
    })
    await (err === undefined ? closed : Promise.race([closed, sleep(closingMs)]))
  })
  if (flags.isSupervised) {
    process.stdin.on('end', () => {
      graceMs = 0
      isOrphan = true
      shutdown.close()
    }).resume()
  }

  const address = await listenAt(server, flags.address)
  notify({ state: 'loading', address, instanceId: host.instanceId })
  const loaded = await engine
  notify({ state: 'ready', address, instanceId: host.instanceId })
  log.info({ address, instanceId: host.instanceId, checkpoint: loaded.describe().checkpoint.name }, 'worker ready')

  registered = registerAt(flags, log, leaving.signal)

  // Fail-stop: an engine that can never serve again is an uncaught error of the process, which a supervisor restarts.
  throw await loaded.failed
}

async function registerAt ({ register, workerId, tier }: WorkerFlags, log: Logger, signal: AbortSignal): Promise<void> {
  if (register === null) return
  const { gateway, advertised: address, secret } = register
  await keepRegistered({ gateway, secret, registration: { workerId, tier, address }, onError: error => { log.warn({ err: error, gateway }, 'not registered') } }, signal)
}

/** The parent's private folder for sockets, which nobody else will remove now; the last worker to leave finds it empty. */
async function removeFolder (address: ListenAddress): Promise<void> {
  if ('socketPath' in address) await rmdir(dirname(address.socketPath)).catch(() => {})
}

function notify (notice: WorkerNotice): void {
  process.stdout.write(`${JSON.stringify(notice)}\n`)
}
