/**
 * `gearbox keys create|list|rotate|revoke|expire|org`: the keys of a store, by hand. A secret is printed once, alone on standard
 * output, so that it can be piped; everything else about it goes to standard error.
 */
import { parseArgs } from 'node:util'
import { ZodError } from 'zod'
import { createKey, KeyNotFoundError, revokeKey, rotateKey, setOrgLimits, updateKey, type IssuedKey } from '../accounts/keys.js'
import { formatUsd, parseUsd } from '../accounts/money.js'
import { readEnvironment } from '../config/load-config.js'
import type { AccountStore } from '../stores/account-store.js'
import type { KeyRecord } from '../stores/key-record.js'
import { openAccountStore } from '../stores/open-account-store.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

const usage = `usage: gearbox keys create --store PATH|redis://… --org ORG [--name NAME] [--expires-days N] [limits] [rules]
       gearbox keys list   --store … [--json]
       gearbox keys rotate KEY_ID --store … [--grace-hours 24]
       gearbox keys revoke KEY_ID --store …
       gearbox keys expire KEY_ID --store … --expires-days N
       gearbox keys org ORG --store … [limits]
limits: --requests-per-minute N --input-tokens-per-minute N --output-tokens-per-minute N
        --concurrency-pro N --concurrency-flash N --usd-per-day X --usd-per-month X
rules:  --tiers pro,flash --default-tier pro|flash --effort-cap none|low|high|max
        --usd-per-request X --downgrade-at 0.8 --at-peak same|flash --cascade yes|no --max-priority 50
       without --store: the environment's GEARBOX_STORE`

const options = {
  store: { type: 'string' },
  org: { type: 'string' },
  name: { type: 'string', default: '' },
  json: { type: 'boolean', default: false },
  'expires-days': { type: 'string' },
  'grace-hours': { type: 'string', default: '24' },
  'requests-per-minute': { type: 'string' },
  'input-tokens-per-minute': { type: 'string' },
  'output-tokens-per-minute': { type: 'string' },
  'concurrency-pro': { type: 'string' },
  'concurrency-flash': { type: 'string' },
  'usd-per-day': { type: 'string' },
  'usd-per-month': { type: 'string' },
  tiers: { type: 'string' },
  'default-tier': { type: 'string' },
  'effort-cap': { type: 'string' },
  'usd-per-request': { type: 'string' },
  'downgrade-at': { type: 'string' },
  'at-peak': { type: 'string' },
  cascade: { type: 'string' },
  'max-priority': { type: 'string' }
} as const

const hourMs = 3600_000

type Values = ReturnType<typeof readArguments>['values']

export async function runKeys (argv: string[], io: CliIo): Promise<void> {
  const { values, positionals } = readArguments(argv)
  const [action, subject] = positionals
  const location = values.store ?? readEnvironment()['GEARBOX_STORE']
  if (location === undefined) throw new CliInputError(`--store is missing\n${usage}`)
  const run = actions[action ?? '']
  if (run === undefined) throw new CliInputError(`no such action\n${usage}`)
  const store = await openAccountStore(location, { commandTimeoutMs: 5000 })
  try {
    await run({ store, values, subject, io })
  } catch (error) {
    if (error instanceof KeyNotFoundError) throw new CliInputError(error.message)
    if (error instanceof ZodError) throw new CliInputError(error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
    throw error
  } finally {
    await store.close()
  }
}

interface ActionInputs {
  store: AccountStore
  values: Values
  subject: string | undefined
  io: CliIo
}

const actions: Record<string, (inputs: ActionInputs) => Promise<void>> = {
  create: async ({ store, values, io }) => {
    if (values.org === undefined) throw new CliInputError(`--org is missing\n${usage}`)
    const issued = await createKey(store, {
      orgId: values.org,
      name: values.name,
      expiresAtMs: await expiryOf(values, store),
      rules: rulesOf(values),
      limits: limitsOf(values)
    })
    show(issued, io)
  },
  list: async ({ store, values, io }) => {
    const nowMs = await store.nowMs()
    for (const key of await store.listKeys()) io.write(`${values.json ? JSON.stringify(withoutHashes(key)) : lineOf(key, nowMs)}\n`)
  },
  rotate: async ({ store, values, subject, io }) => {
    show(await rotateKey(store, named(subject, 'KEY_ID'), { graceMs: Math.round(number('grace-hours', values['grace-hours']) * hourMs) }), io)
  },
  revoke: async ({ store, subject, io }) => {
    const key = await revokeKey(store, named(subject, 'KEY_ID'))
    io.writeError(`${key.id} is revoked; gateways refuse it within seconds\n`)
  },
  expire: async ({ store, values, subject, io }) => {
    const expiresAtMs = await expiryOf(values, store)
    if (expiresAtMs === null) throw new CliInputError(`--expires-days is missing\n${usage}`)
    const key = await updateKey(store, named(subject, 'KEY_ID'), { expiresAtMs })
    io.writeError(`${key.id} is good until ${new Date(expiresAtMs).toISOString()}\n`)
  },
  org: async ({ store, values, subject, io }) => {
    const orgId = named(subject, 'ORG')
    io.write(`${JSON.stringify(await setOrgLimits(store, orgId, limitsOf(values)))}\n`)
  }
}

function readArguments (argv: string[]) {
  return parseArgs({ args: argv, options, allowPositionals: true })
}

/** null = never. */
async function expiryOf (values: Values, store: AccountStore): Promise<number | null> {
  const days = values['expires-days']
  return days === undefined ? null : await store.nowMs() + Math.round(number('expires-days', days) * 24 * hourMs)
}

function show ({ record, secret }: IssuedKey, io: CliIo): void {
  io.write(`${secret}\n`)
  io.writeError(`${record.id} of ${record.orgId}; the line above is the key, and it is never shown again\n`)
}

function limitsOf (values: Values): object {
  const rate = (name: keyof Values & `${string}-per-minute`) => values[name] === undefined ? undefined : number(name, values[name])
  const money = (name: 'usd-per-day' | 'usd-per-month') => values[name] === undefined ? undefined : usd(name, values[name])
  const slots = (name: 'concurrency-pro' | 'concurrency-flash') => values[name] === undefined ? undefined : number(name, values[name])
  return given({
    requestsPerMinute: rate('requests-per-minute'),
    inputTokensPerMinute: rate('input-tokens-per-minute'),
    outputTokensPerMinute: rate('output-tokens-per-minute'),
    concurrency: given({ pro: slots('concurrency-pro'), flash: slots('concurrency-flash') }),
    nanoUsdPerDay: money('usd-per-day'),
    nanoUsdPerMonth: money('usd-per-month')
  })
}

/** Checked by the record's schema, whose words the user gets. */
function rulesOf (values: Values): object {
  return given({
    allowedTiers: values.tiers?.split(','),
    defaultTier: values['default-tier'],
    effortCap: values['effort-cap'],
    ceilingNanoUsdPerRequest: values['usd-per-request'] === undefined ? undefined : usd('usd-per-request', values['usd-per-request']),
    downgradeAtBudgetShare: values['downgrade-at'] === undefined ? undefined : number('downgrade-at', values['downgrade-at']),
    atPeak: values['at-peak'],
    cascade: values.cascade === undefined ? undefined : yes('cascade', values.cascade),
    maxPriority: values['max-priority'] === undefined ? undefined : Number(values['max-priority'])
  })
}

function yes (name: string, text: string): boolean {
  if (text !== 'yes' && text !== 'no') throw new CliInputError(`--${name}: yes or no`)
  return text === 'yes'
}

/** What was not asked for is left to the schema's default, or as it was. */
function given (fields: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function lineOf (key: KeyRecord, nowMs: number): string {
  const state = key.revokedAtMs !== null ? 'revoked' : (key.expiresAtMs ?? Infinity) <= nowMs ? 'expired' : 'good'
  const budget = key.limits.nanoUsdPerMonth === null ? 'no monthly budget' : `$${formatUsd(key.limits.nanoUsdPerMonth)}/month`
  return [key.id, key.orgId, `${key.hint}…`, state, key.rules.allowedTiers.join('+'), budget, key.name].join('\t')
}

function withoutHashes ({ secrets, ...rest }: KeyRecord): object {
  return { ...rest, secrets: secrets.length }
}

function named (subject: string | undefined, what: string): string {
  if (subject === undefined) throw new CliInputError(`${what} is missing\n${usage}`)
  return subject
}

function number (name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new CliInputError(`--${name}: ${text} is not a number of at least 0`)
  return value
}

function usd (name: string, text: string): number {
  try {
    return parseUsd(text)
  } catch (error) {
    throw new CliInputError(`--${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
