/** What a batch leaves behind: a file of results and a file of failures, one line for each of its requests in one of them. */
import { Readable } from 'node:stream'
import type { BatchRecord, BatchStatus, BatchStore } from '../stores/batch-store.js'
import type { FileStore, StoredFile } from '../stores/file-store.js'
import { reach } from './batch-rules.js'

export interface BatchAnswer {
  statusCode: number
  requestId: string
  /** JSON. */
  body: string
}

/** Names one request of a batch, in every try at it. */
export function batchRequestId (batchId: string, line: number): string {
  return `batch_req_${batchId.replace(/^batch_/, '')}_${line}`
}

export function answeredLine (id: string, customId: string, { statusCode, requestId, body }: BatchAnswer): string {
  return `{"id":${JSON.stringify(id)},"custom_id":${JSON.stringify(customId)},"response":{"status_code":${statusCode},"request_id":${JSON.stringify(requestId)},"body":${body}},"error":null}`
}

export function unansweredLine (id: string, customId: string, error: { code: string, message: string }): string {
  return JSON.stringify({ id, custom_id: customId, response: null, error })
}

const unansweredErrors: Partial<Record<BatchStatus, { code: string, message: string }>> = {
  expired: { code: 'batch_expired', message: 'This request could not be executed before the completion window expired.' },
  cancelled: { code: 'batch_cancelled', message: 'This request was not executed: the batch was cancelled.' }
}
const page = 500

/** Lines that nobody will answer any more. */
export function giveUpWaiting (store: BatchStore, batchId: string, end: BatchStatus): void {
  const error = unansweredErrors[end] ?? { code: 'batch_failed', message: 'This request was not executed.' }
  for (;;) {
    const lines = store.waitingLines(batchId, -1, page)
    for (const { line, customId } of lines) store.recordResult(batchId, line, 'failed', unansweredLine(batchRequestId(batchId, line), customId, error))
    if (lines.length < page) return
  }
}

interface FinalizeOptions {
  store: BatchStore
  files: FileStore
  record: BatchRecord
  end: 'completed' | 'expired' | 'cancelled'
  nowMs: () => number
}

/** Writes the files, then says so, at once with the status. The files' ids follow from the batch's: a second try replaces the first. */
export async function finalizeBatch ({ store, files, record, end, nowMs }: FinalizeOptions): Promise<void> {
  const written: Partial<Record<'completed' | 'failed', StoredFile>> = {}
  const { completed, failed } = store.counts(record)
  for (const outcome of ['completed', 'failed'] as const) {
    if ({ completed, failed }[outcome] === 0) continue
    const kind = outcome === 'completed' ? 'output' : 'error'
    const id = `file-${record.id}-${kind}`
    const bytes = await files.write(id, Readable.from(jsonLines(store, record.id, outcome)))
    written[outcome] = { id, owner: record.owner, purpose: 'batch_output', filename: `${record.id}_${kind}.jsonl`, bytes, createdAt: Math.floor(nowMs() / 1000), expiresAt: null }
  }
  store.change(record.id, ['in_progress', 'finalizing', 'cancelling'], current => ({
    ...reach(current, end, nowMs()),
    finalCounts: { completed, failed },
    outputFileId: written.completed?.id ?? null,
    errorFileId: written.failed?.id ?? null
  }), () => {
    for (const file of Object.values(written)) files.add(file)
    store.clearLines(record.id)
  })
}

function * jsonLines (store: BatchStore, batchId: string, outcome: 'completed' | 'failed'): Generator<string, void, undefined> {
  for (const line of store.results(batchId, outcome)) yield `${line}\n`
}
