/**
 * A real Redis of this test's own on a unix socket, ended by its pid. What it acknowledged survives SIGKILL, as a
 * ledger demands (`appendfsync always`).
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface TestRedis {
  /** Path of the socket: ioredis takes it in place of a URL. */
  url: string
  /** SIGKILL, then a new process over the same data. */
  kill: () => Promise<void>
  restart: () => Promise<void>
  /** Answers nothing but keeps its connections: the slow store. */
  pause: () => void
  resume: () => void
  stop: () => Promise<void>
}

/** false: this machine has no Redis, and that is allowed (a laptop). In CI it throws instead. */
export function hasRedis (): boolean {
  const isThere = spawnSync('redis-server', ['--version']).status === 0
  if (!isThere && process.env['CI'] === 'true') throw new Error('redis-server is not installed: CI must run the Redis half of the store tests')
  return isThere
}

export const withoutRedis = 'redis-server is not installed: the Redis half was left out, only SQLite was tested'

export async function startRedis (): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'gearbox-redis-'))
  const socket = join(folder, 'redis.sock')
  let server = await launch(folder, socket)
  // A test that is cut short must not leave its server behind.
  process.once('exit', () => { server.kill('SIGKILL') })
  const end = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }
  return {
    url: socket,
    kill: end,
    restart: async () => { server = await launch(folder, socket) },
    pause: () => { server.kill('SIGSTOP') },
    resume: () => { server.kill('SIGCONT') },
    stop: async () => {
      await end()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

async function launch (folder: string, socket: string): Promise<ChildProcess> {
  rmSync(socket, { force: true })
  const server = spawn('redis-server', [
    '--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'
  ], { stdio: 'ignore' })
  for (let attempt = 0; attempt < 500; attempt++) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}`)
    if (await isServing(socket)) return server
    await delay(10)
  }
  server.kill('SIGKILL')
  throw new Error('redis-server did not open its socket within 5 s')
}

/** A PING answered with PONG: the append-only file has been read. */
async function isServing (socket: string): Promise<boolean> {
  return new Promise(resolve => {
    const connection = createConnection(socket)
    connection.once('error', () => { resolve(false) })
    connection.once('connect', () => { connection.write('PING\r\n') })
    connection.once('data', reply => {
      connection.destroy()
      resolve(reply.toString().startsWith('+PONG'))
    })
  })
}
