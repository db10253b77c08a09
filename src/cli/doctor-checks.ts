/** What `gearbox doctor` looks at. Each check stands for itself: one that fails, however, never hides another. */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { readCheckpointCard } from '../config/checkpoint-card.js'
import type { GatewayConfig } from '../config/schema.js'
import { HttpWorkerClient } from '../dispatch/http-worker-client.js'
import { loadTokenizer } from '../language/tokenizer/load-tokenizer.js'
import { openAccountStore } from '../stores/open-account-store.js'
import type { Tier } from '../../workers/contract/job.js'

export interface Finding {
  name: string
  status: 'ok' | 'warning' | 'failed'
  detail: string
  /** What to do; null when nothing is wrong. */
  advice: string | null
}

type Worker = GatewayConfig['tiers']['flash']['workers'][number]

const leastNode = [20, 19] as const
/** Price hours and budgets turn over by the clock; a second or two of network is in the measurement. */
const clockLimitMs = 5000
const answerLimitMs = 5000

export function checkNode (version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])
  return finding('Node', isEnough ? null : `install Node ${leastNode.join('.')} or newer`, version)
}

export async function checkPort (name: string, { host, port }: { host: string, port: number }): Promise<Finding> {
  if (port === 0) return finding(name, null, 'a free port will be taken')
  const problem = await new Promise<string | null>(resolve => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code ?? error.message) })
    server.listen({ host, port }, () => { server.close(() => { resolve(null) }) })
  })
  const advice = problem === 'EADDRINUSE' ? 'stop what listens there, or choose another port' : 'choose an address of this machine and a port that you may use'
  return finding(name, problem === null ? null : advice, problem === null ? `${host}:${port} is free` : `${host}:${port}: ${problem}`)
}

/** Name, language and tokenizer of a tier; its tensors by their headers when our own engine is to load them. */
export async function checkCheckpoint (tier: Tier, { checkpoint, workers }: GatewayConfig['tiers']['flash']): Promise<Finding> {
  const name = `checkpoint of ${tier}`
  return await attempt(name, 'check tiers.' + tier + '.checkpoint: it needs gearbox.json, config.json, tokenizer.json, and for our own engine the safetensors files', async () => {
    const card = readCheckpointCard(tier, checkpoint)
    const { vocabularySize } = loadTokenizer(card.tokenizer)
    const said = `${card.name} (${card.revision}), ${vocabularySize} ids, ${card.contextTokens} tokens of context`
    if (typeof checkpoint !== 'string' || workers.length > 0) return said
    const { openCheckpoint } = await import('../../workers/engines/v4/checkpoint/open-checkpoint.js')
    const opened = await openCheckpoint(checkpoint)
    try {
      return `${said}, ${opened.tensors.size} tensors`
    } finally {
      await opened.close()
    }
  })
}

export async function checkWorker (tier: Tier, worker: Worker, environment: Record<string, string | undefined>): Promise<Finding> {
  if (typeof worker === 'string') return await checkRemoteWorker(tier, worker)
  const name = `${worker.engine} of ${tier}`
  if (worker.engine === 'llama') return await attempt(name, 'check the path of the GGUF file', async () => { accessSync(worker.path, constants.R_OK); return worker.path })
  if (worker.engine === 'v4') return finding(name, null, 'our own engine, on the checkpoint of the tier')
  const { apiKeyEnv } = worker
  if (apiKeyEnv !== undefined && !environment[apiKeyEnv]) return finding(name, `set ${apiKeyEnv}, or take apiKeyEnv out`, `the variable ${apiKeyEnv} is not set`)
  return await attempt(name, `start the engine, or correct the address; from here: curl ${worker.url}`, async () => {
    const response = await fetch(worker.url, { signal: AbortSignal.timeout(answerLimitMs) })
    await response.body?.cancel()
    return `${worker.url} answers`
  })
}

async function checkRemoteWorker (tier: Tier, address: string): Promise<Finding> {
  const client = new HttpWorkerClient(address)
  try {
    return await attempt(`worker ${address}`, 'start the worker, or correct tiers.' + tier + '.workers', async () => {
      const { state } = await client.readiness()
      if (state !== 'ready') return { detail: `it is ${state}`, advice: 'wait until it has loaded; look at its log when that takes too long' }
      const described = await client.describe()
      if (described.tier !== tier) throw new Error(`it serves ${described.tier}, not ${tier}`)
      const skewMs = await clockSkewMs(address)
      if (skewMs > clockLimitMs) return { detail: `its clock is ${Math.round(skewMs / 1000)} s away from this one`, advice: 'let NTP set the clocks of both machines' }
      return `${described.engine}, ${described.checkpoint.name} (${described.checkpoint.revision})`
    })
  } finally {
    await client.destroy()
  }
}

/** By the Date header; a worker on a socket has the clock of this machine. */
async function clockSkewMs (address: string): Promise<number> {
  if (address.startsWith('unix:')) return 0
  const response = await fetch(new URL('/live', address), { signal: AbortSignal.timeout(answerLimitMs) })
  await response.body?.cancel()
  const theirs = Date.parse(response.headers.get('date') ?? '')
  return Number.isNaN(theirs) ? 0 : Math.abs(Date.now() - theirs)
}

/** Whether keys and counters can be reached, and whether the store's clock, which decides about hours and days, is ours. */
export async function checkStore ({ store: location, journalPath }: GatewayConfig['accounts']): Promise<Finding> {
  if (location === 'none') return finding('accounts', null, 'no store: nothing is limited or written down')
  return await attempt('accounts', 'check accounts.store: for Redis that it runs and lets this machine in, for SQLite that the folder is writable', async () => {
    if (journalPath !== null) {
      mkdirSync(dirname(journalPath), { recursive: true })
      accessSync(dirname(journalPath), constants.W_OK)
    }
    const store = await openAccountStore(location)
    try {
      const skewMs = Math.abs(await store.nowMs() - Date.now())
      if (skewMs > clockLimitMs) return { detail: `the store's clock is ${Math.round(skewMs / 1000)} s away from this one`, advice: 'let NTP set the clocks of both machines' }
      return 'the store answers'
    } finally {
      await store.close()
    }
  })
}

export async function checkCollector ({ endpoint }: GatewayConfig['telemetry']['traces']): Promise<Finding> {
  if (endpoint === null) return finding('traces', null, 'off')
  const found = await attempt('traces', 'start the collector, or correct telemetry.traces.endpoint; requests are answered without it', async () => {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(answerLimitMs) })
    await response.body?.cancel()
    return `${endpoint} answers`
  })
  return found.status === 'failed' ? { ...found, status: 'warning' } : found
}

type Result = string | { detail: string, advice: string }

/** What works out says a detail; what is not quite right gives advice too; what throws has failed. */
async function attempt (name: string, advice: string, look: () => Promise<Result>): Promise<Finding> {
  try {
    const result = await look()
    return typeof result === 'string' ? finding(name, null, result) : { name, status: 'warning', ...result }
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined }
    return finding(name, advice, cause instanceof Error ? `${message}: ${cause.message}` : message)
  }
}

/** @param advice null = all is well */
export function finding (name: string, advice: string | null, detail: string): Finding {
  return { name, status: advice === null ? 'ok' : 'failed', detail, advice }
}
