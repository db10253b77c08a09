/**
 * Batches and the lines they are made of. A result is written once: of two attempts at a line (one before the process was
 * killed, one after) the first that is recorded counts, and `custom_id` is unique within a batch.
 */
import { z } from 'zod'
import type { SqliteDatabase } from './sqlite-database.js'

const seconds = z.int()
export const batchStatuses = ['validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled'] as const
export type BatchStatus = typeof batchStatuses[number]

export const batchRecordSchema = z.strictObject({
  id: z.string(),
  owner: z.string(),
  status: z.enum(batchStatuses),
  endpoint: z.string(),
  inputFileId: z.string(),
  completionWindow: z.string(),
  /** When its requests may run. */
  hours: z.enum(['any', 'off-peak']),
  metadata: z.record(z.string(), z.string()).nullable(),
  errors: z.array(z.strictObject({ code: z.string(), message: z.string(), line: z.int().nullable(), param: z.string().nullable() })),
  total: z.int(),
  /** Once it has ended: its lines are forgotten then. */
  finalCounts: z.strictObject({ completed: z.int(), failed: z.int() }).nullable(),
  outputFileId: z.string().nullable(),
  errorFileId: z.string().nullable(),
  createdAt: seconds,
  expiresAt: seconds,
  /** When each later status was reached. */
  reachedAt: z.partialRecord(z.enum(batchStatuses), seconds)
})
export type BatchRecord = z.infer<typeof batchRecordSchema>

export type LineOutcome = 'waiting' | 'completed' | 'failed'

export interface BatchLine {
  line: number
  customId: string
  /** The body of the request, JSON. */
  request: string
}

export interface LineCounts {
  waiting: number
  completed: number
  failed: number
}

const batchRow = z.object({ status: z.enum(batchStatuses), body: z.string() })
const lineRow = z.object({ line: z.bigint().transform(Number), custom_id: z.string(), request: z.string() })
  .transform(({ line, custom_id: customId, request }): BatchLine => ({ line, customId, request }))
const resultRow = z.object({ line: z.bigint().transform(Number), result: z.string() })
const countRow = z.object({ outcome: z.enum(['waiting', 'completed', 'failed']), count: z.bigint().transform(Number) })

const resultsPage = 500

export class BatchStore {
  readonly #sql: SqliteDatabase

  constructor (sql: SqliteDatabase) {
    this.#sql = sql
  }

  create (record: BatchRecord): void {
    this.#sql.run('insert into batches (id, owner, status, body) values (?, ?, ?, ?)', record.id, record.owner, record.status, JSON.stringify(record))
  }

  /** @param owner null = whoever's */
  find (id: string, owner: string | null = null): BatchRecord | null {
    const row = this.#sql.get('select status, body from batches where id = ?1 and (?2 is null or owner = ?2)', id, owner)
    return row === undefined ? null : parseBatch(row)
  }

  list ({ owner, after, limit }: { owner: string, after: string | null, limit: number }): BatchRecord[] {
    return this.#sql.all(`select status, body from batches where owner = ?1
      and (?2 is null or position < (select position from batches where id = ?2)) order by position desc limit ?3`, owner, after, limit).map(parseBatch)
  }

  /** Those that are not at their end, oldest first. */
  unfinished (): BatchRecord[] {
    return this.#sql.all("select status, body from batches where status in ('validating', 'in_progress', 'finalizing', 'cancelling') order by position").map(parseBatch)
  }

  /** Changes a batch if it still has one of these statuses; `also` is done with it or not at all. Null: it has moved on. */
  change (id: string, from: readonly BatchStatus[], update: (record: BatchRecord) => BatchRecord, also: () => void = () => {}): BatchRecord | null {
    return this.#sql.transaction(() => {
      const record = this.find(id)
      if (record === null || !from.includes(record.status)) return null
      const next = update(record)
      this.#sql.run('update batches set status = ?, body = ? where id = ?', next.status, JSON.stringify(next), id)
      also()
      return next
    })
  }

  clearLines (batchId: string): void {
    this.#sql.run('delete from batch_lines where batch_id = ?', batchId)
  }

  /** @returns the custom_id that was there already, or null */
  addLines (batchId: string, lines: readonly BatchLine[]): BatchLine | null {
    return this.#sql.transaction(() => {
      for (const line of lines) {
        const { changes } = this.#sql.run('insert into batch_lines (batch_id, line, custom_id, request) values (?, ?, ?, ?) on conflict do nothing', batchId, line.line, line.customId, line.request)
        if (changes === 0) return line
      }
      return null
    })
  }

  waitingLines (batchId: string, afterLine: number, limit: number): BatchLine[] {
    return this.#sql.all("select line, custom_id, request from batch_lines where batch_id = ? and outcome = 'waiting' and line > ? order by line limit ?", batchId, afterLine, limit).map(row => lineRow.parse(row))
  }

  /** False: it had a result before. */
  recordResult (batchId: string, line: number, outcome: Exclude<LineOutcome, 'waiting'>, result: string): boolean {
    return this.#sql.run("update batch_lines set outcome = ?, result = ?, request = '' where batch_id = ? and line = ? and outcome = 'waiting'", outcome, result, batchId, line).changes === 1
  }

  * results (batchId: string, outcome: Exclude<LineOutcome, 'waiting'>): Generator<string, void, undefined> {
    let after = -1
    for (;;) {
      const rows = this.#sql.all('select line, result from batch_lines where batch_id = ? and outcome = ? and line > ? order by line limit ?', batchId, outcome, after, resultsPage).map(row => resultRow.parse(row))
      for (const row of rows) yield row.result
      if (rows.length < resultsPage) return
      after = rows.at(-1)?.line ?? after
    }
  }

  counts ({ id, finalCounts }: Pick<BatchRecord, 'id' | 'finalCounts'>): LineCounts {
    const counts: LineCounts = { waiting: 0, completed: 0, failed: 0, ...finalCounts }
    if (finalCounts !== null) return counts
    for (const row of this.#sql.all('select outcome, count(*) as count from batch_lines where batch_id = ? group by outcome', id)) {
      const { outcome, count } = countRow.parse(row)
      counts[outcome] = count
    }
    return counts
  }
}

function parseBatch (row: unknown): BatchRecord {
  return batchRecordSchema.parse(JSON.parse(batchRow.parse(row).body))
}
