/** What a batch may be, and what the outside sees of one. */
import { windowPattern } from '../dialects/batches/batch-schema.js'
import type { BatchRecord, BatchStatus, LineCounts } from '../stores/batch-store.js'

export const mostLines = 50_000
export const mostLineBytes = 8 * 1024 * 1024
export const longestCustomId = 512

export const batchEndpoints = ['/v1/chat/completions', '/v1/completions', '/v1/responses'] as const

const unitSeconds: Record<string, number> = { m: 60, h: 3600, d: 86_400 }

export function windowSeconds (window: string): number {
  const [, count, unit] = windowPattern.exec(window) ?? []
  return Number(count) * (unitSeconds[unit ?? ''] ?? NaN)
}

export function reach (record: BatchRecord, status: BatchStatus, nowMs: number): BatchRecord {
  return { ...record, status, reachedAt: { ...record.reachedAt, [status]: Math.floor(nowMs / 1000) } }
}

/** A batch as OpenAI's API shows it. */
export function batchObject (record: BatchRecord, counts: LineCounts): object {
  const { reachedAt } = record
  return {
    id: record.id,
    object: 'batch',
    endpoint: record.endpoint,
    errors: record.errors.length === 0 ? null : { object: 'list', data: record.errors },
    input_file_id: record.inputFileId,
    completion_window: record.completionWindow,
    status: record.status,
    output_file_id: record.outputFileId,
    error_file_id: record.errorFileId,
    created_at: record.createdAt,
    in_progress_at: reachedAt.in_progress ?? null,
    expires_at: record.expiresAt,
    finalizing_at: reachedAt.finalizing ?? null,
    completed_at: reachedAt.completed ?? null,
    failed_at: reachedAt.failed ?? null,
    expired_at: reachedAt.expired ?? null,
    cancelling_at: reachedAt.cancelling ?? null,
    cancelled_at: reachedAt.cancelled ?? null,
    request_counts: { total: record.total, completed: counts.completed, failed: counts.failed },
    metadata: record.metadata
  }
}
