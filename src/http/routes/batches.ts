/** /v1/batches: many requests in a file, answered when there is time; and the files they are in. */
import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import { batchEndpoints, batchObject, reach, windowSeconds } from '../../batches/batch-rules.js'
import { BatchRunner } from '../../batches/batch-runner.js'
import { batchListSchema, batchRequestSchema } from '../../dialects/batches/batch-schema.js'
import { parseOrThrow } from '../../dialects/validation-error.js'
import { GatewayError } from '../../errors.js'
import type { BatchRecord } from '../../stores/batch-store.js'
import { callFromBatch } from '../call-from-batch.js'
import type { BatchDependencies } from '../gateway-dependencies.js'
import { ownerOf } from '../owner-of.js'
import type { InternalCalls } from '../plugins/internal-calls.js'
import { bodyOf } from './body-of.js'
import { filesRoute, listObject } from './files.js'

const hoursHeader = 'x-gearbox-batch-hours'
const hoursKey = 'gearbox_hours'

export const batchesRoute: FastifyPluginAsync<{ batches: BatchDependencies, internalCalls: InternalCalls }> = async (app, { batches, internalCalls }) => {
  const { stores: { files, batches: store }, findCaller, concurrency, isOffPeak, nowMs = Date.now } = batches
  await app.register(filesRoute, { batches })
  const runner = new BatchRunner({
    store,
    files,
    call: callFromBatch({ app, internalCalls, findCaller }),
    concurrency,
    isOffPeak,
    nowMs,
    onError: error => { app.log.error({ err: error }, 'a batch cannot go on') }
  })
  app.addHook('onReady', async () => { runner.start() })
  app.addHook('preClose', async () => { await runner.close() })

  const show = (record: BatchRecord) => batchObject(record, store.counts(record))

  function create (request: FastifyRequest): object {
    const body = parseOrThrow(batchRequestSchema, bodyOf(request).value)
    const served = batchEndpoints.filter(url => app.hasRoute({ method: 'POST', url }))
    if (!served.some(url => url === body.endpoint)) {
      throw new GatewayError('invalid_value', `Invalid endpoint: a batch can ask ${served.join(', ')}`, { parameter: 'endpoint' })
    }
    const owner = ownerOf(request)
    const input = files.find(owner, body.input_file_id)
    if (input === null) throw new GatewayError('invalid_value', `Invalid input_file_id: no such File object: ${body.input_file_id.slice(0, 100)}`, { parameter: 'input_file_id' })
    if (input.purpose !== 'batch') throw new GatewayError('invalid_value', "Invalid input_file_id: the file's purpose is not batch", { parameter: 'input_file_id' })
    const createdAt = Math.floor(nowMs() / 1000)
    const record: BatchRecord = {
      id: `batch_${randomUUID().replaceAll('-', '')}`,
      owner,
      status: 'validating',
      endpoint: body.endpoint,
      inputFileId: input.id,
      completionWindow: body.completion_window,
      hours: hoursOf(body.metadata?.[hoursKey] ?? request.headers[hoursHeader]),
      metadata: body.metadata ?? null,
      errors: [],
      total: 0,
      finalCounts: null,
      outputFileId: null,
      errorFileId: null,
      createdAt,
      expiresAt: createdAt + windowSeconds(body.completion_window),
      reachedAt: {}
    }
    store.create(record)
    runner.wake()
    return show(record)
  }

  /** @throws GatewayError batch_not_found */
  function find (request: FastifyRequest<{ Params: { id: string } }>): BatchRecord {
    const { id } = request.params
    const record = store.find(id, ownerOf(request))
    if (record === null) throw new GatewayError('batch_not_found', `No such Batch object: ${id.slice(0, 100)}`, { parameter: 'id' })
    return record
  }

  function cancel (request: FastifyRequest<{ Params: { id: string } }>): object {
    const record = find(request)
    if (record.status === 'cancelling') return show(record)
    const next = store.change(record.id, ['validating', 'in_progress'], current => reach(current, 'cancelling', nowMs()))
    if (next === null) throw new GatewayError('invalid_value', `A batch with status '${record.status}' cannot be cancelled`, { parameter: 'id' })
    runner.wake()
    return show(next)
  }

  for (const path of ['/v1/batches', '/batches']) {
    app.post(path, async request => create(request))
    app.get(path, async request => {
      const { after, limit } = parseOrThrow(batchListSchema, request.query)
      const found = store.list({ owner: ownerOf(request), after: after ?? null, limit: limit + 1 })
      return listObject(found.map(record => ({ ...show(record), id: record.id })), limit)
    })
    app.get<{ Params: { id: string } }>(`${path}/:id`, async request => show(find(request)))
    app.post<{ Params: { id: string } }>(`${path}/:id/cancel`, async request => cancel(request))
  }
}

/** @throws GatewayError invalid_value */
function hoursOf (asked: string | string[] | undefined): BatchRecord['hours'] {
  if (asked === undefined || asked === 'any') return 'any'
  if (asked === 'off-peak') return asked
  throw new GatewayError('invalid_value', `Invalid ${hoursKey}: must be 'any' or 'off-peak'`, { parameter: `metadata.${hoursKey}` })
}
