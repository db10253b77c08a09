/** Files and batches in one folder: `batches.db` and `files/`. The folder is one process's: two would run each request twice. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { batchSteps } from './batch-schema.js'
import { BatchStore } from './batch-store.js'
import { FileStore } from './file-store.js'
import { SqliteDatabase } from './sqlite-database.js'

/** Nobody else writes. */
const busyMs = 0

export interface BatchStores {
  files: FileStore
  batches: BatchStore
  close (): void
}

/** @throws StoreUnavailableError when another process has the folder, or it cannot be written */
export function openBatchStores (folder: string): BatchStores {
  mkdirSync(folder, { recursive: true })
  const lock = lockFile(join(folder, 'lock.db'))
  const sql = new SqliteDatabase(join(folder, 'batches.db'), busyMs, batchSteps)
  return { files: new FileStore(sql, join(folder, 'files')), batches: new BatchStore(sql), close: () => { sql.close(); lock.close() } }
}

/** Held until it is closed; the kernel lets go of it when the process dies, whatever killed it. */
function lockFile (path: string): SqliteDatabase {
  const lock = new SqliteDatabase(path, busyMs, [])
  lock.holdExclusively()
  return lock
}
