/** Files and batches in one folder: `batches.db` and `files/`. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { batchSteps } from './batch-schema.js'
import { BatchStore } from './batch-store.js'
import { FileStore } from './file-store.js'
import { SqliteDatabase } from './sqlite-database.js'

const busyMs = 2000

export interface BatchStores {
  files: FileStore
  batches: BatchStore
  close (): void
}

export function openBatchStores (folder: string): BatchStores {
  mkdirSync(folder, { recursive: true })
  const sql = new SqliteDatabase(join(folder, 'batches.db'), busyMs, batchSteps)
  return { files: new FileStore(sql, join(folder, 'files')), batches: new BatchStore(sql), close: () => { sql.close() } }
}
