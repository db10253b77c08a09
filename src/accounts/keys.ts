/**
 * API keys: made, shown once, found by their hash, rotated, revoked.
 *
 * A key is 256 random bits, so its plain SHA-256 cannot be searched back and a slow password hash would only cost
 * every request time. Nothing here is ever logged; records carry a hash and a hint of eight characters.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AccountStore } from '../stores/account-store.js'
import {
  keyRecordSchema, orgRecordSchema, type KeyRecord, type Limits, type OrgRecord
} from '../stores/key-record.js'

export interface Account {
  key: KeyRecord
  org: OrgRecord
}

export interface NewKey {
  orgId: string
  name: string
  /** null = never. */
  expiresAtMs?: number | null
  /** KeyRules and Limits in part, checked here: they come from a command line or a request. */
  rules?: object
  limits?: object
}

export interface IssuedKey {
  record: KeyRecord
  /** The only time it is seen. */
  secret: string
}

const secretPattern = /^gbx_[A-Za-z0-9_-]{43}$/
const hintLength = 8
const mostWrites = 8

export class KeyNotFoundError extends Error {
  override readonly name = 'KeyNotFoundError'
}

/** Hex. Also of the keys that a configuration names, and of the operator's secret. */
export function hashSecret (secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** @throws ZodError when rules or limits are not valid */
export async function createKey (store: AccountStore, { orgId, name, expiresAtMs = null, rules = {}, limits = {} }: NewKey): Promise<IssuedKey> {
  const secret = newSecret()
  const record = keyRecordSchema.parse({
    id: `key_${randomBytes(9).toString('base64url')}`,
    orgId,
    version: 1,
    name,
    hint: secret.slice(0, hintLength),
    secrets: [{ hash: hashSecret(secret), expiresAtMs: null }],
    createdAtMs: await store.nowMs(),
    expiresAtMs,
    revokedAtMs: null,
    rules,
    limits
  })
  if (!await store.saveKey(record)) throw new Error('a fresh key id was taken')
  return { record, secret }
}

/** A new secret for the same key; the one before stays good for the grace period, older ones end now. */
export async function rotateKey (store: AccountStore, keyId: string, { graceMs }: { graceMs: number }): Promise<IssuedKey> {
  const secret = newSecret()
  const nowMs = await store.nowMs()
  const record = await changeKey(store, keyId, key => {
    const [newest] = key.secrets
    const untilMs = Math.min(newest?.expiresAtMs ?? Infinity, nowMs + graceMs)
    const previous = newest === undefined || graceMs <= 0 ? [] : [{ hash: newest.hash, expiresAtMs: untilMs }]
    return { ...key, hint: secret.slice(0, hintLength), secrets: [{ hash: hashSecret(secret), expiresAtMs: null }, ...previous] }
  })
  return { record, secret }
}

export async function revokeKey (store: AccountStore, keyId: string): Promise<KeyRecord> {
  const nowMs = await store.nowMs()
  return changeKey(store, keyId, key => ({ ...key, revokedAtMs: key.revokedAtMs ?? nowMs }))
}

export interface KeyChanges {
  name?: string
  expiresAtMs?: number | null
  /** KeyRules and Limits in part: what is given replaces its namesake, the rest stays. */
  rules?: object
  limits?: object
}

/** @throws KeyNotFoundError, ZodError */
export async function updateKey (store: AccountStore, keyId: string, { rules = {}, limits = {}, ...changes }: KeyChanges): Promise<KeyRecord> {
  return changeKey(store, keyId, key => ({ ...key, ...changes, rules: { ...key.rules, ...rules }, limits: changedLimits(key.limits, limits) }))
}

/**
 * Changes the limits that are given and leaves the others, also when somebody else changes those at the same time.
 *
 * @throws ZodError
 */
export async function setOrgLimits (store: AccountStore, orgId: string, limits: object): Promise<OrgRecord> {
  for (let attempt = 0; attempt < mostWrites; attempt++) {
    const current = await store.findOrg(orgId)
    const record = orgRecordSchema.parse({ id: orgId, version: (current?.version ?? 0) + 1, limits: changedLimits(current?.limits, limits) })
    if (await store.saveOrg(record)) return record
  }
  throw new Error(`organisation ${orgId} is being changed by others all the time`)
}

/** null: not one of ours, by its form; the store need not be asked. */
export function hashOfBearer (bearer: string): string | null {
  return secretPattern.test(bearer) ? hashSecret(bearer) : null
}

/**
 * Whether a record found by a hash lets its bearer in now. The comparison takes the same time wherever the hashes
 * differ: a store's index lookup alone would not promise that.
 */
export function isKeyGood (key: KeyRecord, hash: string, nowMs: number): boolean {
  const given = Buffer.from(hash, 'hex')
  const isKnown = key.secrets.some(secret => {
    const known = Buffer.from(secret.hash, 'hex')
    return known.length === given.length && timingSafeEqual(known, given) && (secret.expiresAtMs ?? Infinity) > nowMs
  })
  return isKnown && key.revokedAtMs === null && (key.expiresAtMs ?? Infinity) > nowMs
}

/** Whoever calls on loopback before any key exists: no rules, no limits, but the ledger still counts. */
export function anonymousAccount (): Account {
  const key = keyRecordSchema.parse({
    id: 'local',
    orgId: 'local',
    version: 1,
    name: 'local',
    hint: '',
    secrets: [{ hash: '0'.repeat(64), expiresAtMs: 0 }],
    createdAtMs: 0,
    expiresAtMs: null,
    revokedAtMs: null,
    rules: {},
    limits: {}
  })
  return { key, org: orgRecordSchema.parse({ id: 'local', limits: {} }) }
}

function newSecret (): string {
  return `gbx_${randomBytes(32).toString('base64url')}`
}

/** Concurrency has a limit for each tier, and those not given stay too. What the changes are worth is the schema's to say. */
function changedLimits (current: Limits | undefined, changes: { concurrency?: unknown }): object {
  const { concurrency } = changes
  return {
    ...current,
    ...changes,
    ...(typeof concurrency === 'object' && concurrency !== null ? { concurrency: { ...current?.concurrency, ...concurrency } } : {})
  }
}

/** Read, change, write; again when somebody else wrote between, so that no revocation is ever lost. */
async function changeKey (store: AccountStore, keyId: string, change: (key: KeyRecord) => object): Promise<KeyRecord> {
  for (let attempt = 0; attempt < mostWrites; attempt++) {
    const key = await store.findKey(keyId)
    if (key === null) throw new KeyNotFoundError(`no key ${keyId}`)
    const record = keyRecordSchema.parse({ ...change(key), version: key.version + 1 })
    if (await store.saveKey(record)) return record
  }
  throw new Error(`key ${keyId} is being changed by others all the time`)
}
