/**
 * Keys and organisations over the operator's port. A secret is in the answer of the call that made it and nowhere else;
 * hashes never leave.
 */
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { z } from 'zod'
import { createKey, KeyNotFoundError, revokeKey, rotateKey, setOrgLimits, updateKey } from '../../accounts/keys.js'
import type { AccountStore } from '../../stores/account-store.js'
import { NoStoreError } from '../../stores/forgetful-store.js'
import type { KeyRecord } from '../../stores/key-record.js'

const instantSchema = z.iso.datetime({ offset: true }).transform(text => Date.parse(text))

const newKeySchema = z.strictObject({
  orgId: z.string().min(1).max(200),
  name: z.string().max(200).default(''),
  /** ISO 8601 with a zone; null = never. */
  expiresAt: instantSchema.nullable().default(null),
  rules: z.record(z.string(), z.unknown()).default({}),
  limits: z.record(z.string(), z.unknown()).default({})
})
const changedKeySchema = z.strictObject({
  name: z.string().max(200).optional(),
  expiresAt: instantSchema.nullable().optional(),
  /** Those given replace their namesakes; the others stay. */
  rules: z.record(z.string(), z.unknown()).optional(),
  limits: z.record(z.string(), z.unknown()).optional()
})
const rotationSchema = z.strictObject({ graceMs: z.int().min(0).max(90 * 24 * 3600_000).default(24 * 3600_000) })
const limitsSchema = z.record(z.string(), z.unknown())

interface KeyPath { Params: { id: string } }

export const keysRoute: FastifyPluginAsync<{ store: AccountStore }> = async (app, { store }) => {
  app.get('/admin/api/keys', async () => ({ keys: (await store.listKeys()).map(shown) }))

  app.post('/admin/api/keys', async (request, reply) => await answer(reply, async () => {
    const { expiresAt, ...fields } = newKeySchema.parse(request.body ?? {})
    const { record, secret } = await createKey(store, { ...fields, expiresAtMs: expiresAt })
    reply.code(201)
    return { key: shown(record), secret }
  }))

  app.patch<KeyPath>('/admin/api/keys/:id', async (request, reply) => await answer(reply, async () => {
    const { expiresAt, name, rules, limits } = changedKeySchema.parse(request.body ?? {})
    return {
      key: shown(await updateKey(store, request.params.id, {
        ...(name === undefined ? {} : { name }),
        ...(expiresAt === undefined ? {} : { expiresAtMs: expiresAt }),
        ...(rules === undefined ? {} : { rules }),
        ...(limits === undefined ? {} : { limits })
      }))
    }
  }))

  app.post<KeyPath>('/admin/api/keys/:id/rotate', async (request, reply) => await answer(reply, async () => {
    const { record, secret } = await rotateKey(store, request.params.id, rotationSchema.parse(request.body ?? {}))
    return { key: shown(record), secret }
  }))

  app.post<KeyPath>('/admin/api/keys/:id/revoke', async (request, reply) => await answer(reply, async () => ({ key: shown(await revokeKey(store, request.params.id)) })))

  app.put<KeyPath>('/admin/api/orgs/:id/limits', async (request, reply) => await answer(reply, async () => ({ org: await setOrgLimits(store, request.params.id, limitsSchema.parse(request.body ?? {})) })))
}

function shown ({ secrets, ...key }: KeyRecord): object {
  return { ...key, secrets: secrets.map(({ expiresAtMs }) => ({ expiresAtMs })) }
}

async function answer (reply: FastifyReply, work: () => Promise<object>): Promise<object> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof KeyNotFoundError) return await reply.code(404).send({ error: { message: error.message } })
    if (error instanceof z.ZodError) return await reply.code(400).send({ error: { message: error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') } })
    if (error instanceof NoStoreError) return await reply.code(409).send({ error: { message: error.message } })
    throw error
  }
}
