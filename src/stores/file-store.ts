/**
 * Files that callers upload and batches write: what is known of them in SQLite, their bytes beside it. A row exists only
 * for bytes that are complete on disk; bytes without a row are left over from a process that was killed, and swept.
 */
import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import type { SqliteDatabase } from './sqlite-database.js'

const integer = z.bigint().transform(Number)

const fileRow = z.object({
  id: z.string(),
  owner: z.string(),
  purpose: z.string(),
  filename: z.string(),
  bytes: integer,
  created_at: integer,
  expires_at: z.bigint().nullable().transform(value => value === null ? null : Number(value))
}).transform(({ created_at: createdAt, expires_at: expiresAt, ...row }) => ({ ...row, createdAt, expiresAt }))
/** Times in seconds since 1970. `owner` names the key that may see it; empty where no keys are asked for. */
export type StoredFile = z.infer<typeof fileRow>

export interface FileQuery {
  owner: string
  purpose: string | null
  order: 'asc' | 'desc'
  after: string | null
  limit: number
}

export class FileStore {
  readonly #sql: SqliteDatabase
  readonly #folder: string

  constructor (sql: SqliteDatabase, folder: string) {
    this.#sql = sql
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
    const known = new Set(sql.all('select id from files').map(row => z.object({ id: z.string() }).parse(row).id))
    for (const name of readdirSync(folder)) if (!known.has(name)) rmSync(join(folder, name), { force: true })
  }

  static newId (): string {
    return `file-${randomUUID().replaceAll('-', '')}`
  }

  /** Writes the bytes; they are nobody's until `add` is called. Written again, they replace what was there. */
  async write (id: string, content: Readable): Promise<number> {
    const path = this.#path(id)
    const unfinished = `${path}.${randomUUID()}.part`
    try {
      await pipeline(content, createWriteStream(unfinished, { flush: true }))
      await rename(unfinished, path)
    } catch (error) {
      await rm(unfinished, { force: true })
      throw error
    }
    // The name must outlive a power cut too.
    const folder = await open(this.#folder)
    await folder.sync().finally(async () => { await folder.close() })
    return (await stat(path)).size
  }

  /** Nothing happens when the id is known. */
  add ({ id, owner, purpose, filename, bytes, createdAt, expiresAt }: StoredFile): void {
    this.#sql.run('insert into files (id, owner, purpose, filename, bytes, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing', id, owner, purpose, filename, bytes, createdAt, expiresAt)
  }

  find (owner: string, id: string): StoredFile | null {
    const row = this.#sql.get('select * from files where id = ? and owner = ?', id, owner)
    return row === undefined ? null : fileRow.parse(row)
  }

  list ({ owner, purpose, order, after, limit }: FileQuery): StoredFile[] {
    const [comparison, direction] = order === 'asc' ? ['>', 'asc'] : ['<', 'desc']
    return this.#sql.all(`select id, owner, purpose, filename, bytes, created_at, expires_at from files
      where owner = ?1 and (?2 is null or purpose = ?2)
        and (?3 is null or position ${comparison} (select position from files where id = ?3))
      order by position ${direction} limit ?4`, owner, purpose, after, limit).map(row => fileRow.parse(row))
  }

  /** How many, and their bytes. */
  usage (owner: string): { count: number, bytes: number } {
    return z.object({ count: integer, bytes: integer }).parse(this.#sql.get('select count(*) as count, coalesce(sum(bytes), 0) as bytes from files where owner = ?', owner))
  }

  read (id: string): Readable {
    return createReadStream(this.#path(id))
  }

  /** Forgotten first: a row must never stand for bytes that are gone. */
  async remove (id: string): Promise<void> {
    this.#sql.run('delete from files where id = ?', id)
    await rm(this.#path(id), { force: true })
  }

  async removeExpired (nowSeconds: number): Promise<void> {
    const rows = this.#sql.all('select id from files where expires_at <= ? limit 100', nowSeconds)
    for (const row of rows) await this.remove(z.object({ id: z.string() }).parse(row).id)
  }

  #path (id: string): string {
    return join(this.#folder, id)
  }
}
