/**
 * One SQLite connection: statements prepared once, whole transactions, its errors in our words.
 *
 * WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the last moments but never corrupts.
 * Integers come back as bigint.
 */
import Database from 'libsql'
import { z } from 'zod'
import { StoreUnavailableError } from './account-store.js'
import { sqliteSteps } from './sqlite-schema.js'

export type SqlValue = string | number | bigint | null

export class SqliteDatabase {
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  /** `busyMs`: how long to wait for another process that writes. `steps` make the tables; those taken are counted in the file. */
  constructor (path: string, busyMs: number, steps: readonly string[] = sqliteSteps) {
    this.#database = new Database(path, { timeout: busyMs })
    this.#database.pragma('journal_mode = wal')
    this.#database.pragma('synchronous = normal')
    this.transaction(() => {
      const row = z.object({ version: z.bigint() }).parse(this.get('select user_version as version from pragma_user_version'))
      for (const step of steps.slice(Number(row.version))) this.#database.exec(step)
      this.#database.exec(`pragma user_version = ${steps.length}`)
    })
  }

  get (sql: string, ...values: SqlValue[]): unknown {
    return this.#guard(() => this.#statement(sql).get(...values))
  }

  all (sql: string, ...values: SqlValue[]): unknown[] {
    return this.#guard(() => this.#statement(sql).all(...values))
  }

  run (sql: string, ...values: SqlValue[]): { changes: number } {
    return this.#guard(() => this.#statement(sql).run(...values))
  }

  /** Takes the write lock at its beginning, so that what it reads cannot change before it writes. */
  transaction<Result> (work: () => Result): Result {
    this.run('begin immediate')
    try {
      const result = work()
      this.run('commit')
      return result
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('rollback')
      throw error
    }
  }

  /** From here on no other process can open the file. */
  holdExclusively (): void {
    this.#guard(() => this.#database.exec('begin exclusive'))
  }

  close (): void {
    if (this.#database.inTransaction) this.#database.exec('rollback')
    this.#statements.clear()
    this.#database.close()
  }

  #statement (sql: string): Database.Statement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql).safeIntegers(true)
    this.#statements.set(sql, statement)
    return statement
  }

  /** Another process that keeps the file locked, or a full disk, is "unavailable"; anything else is a bug and stays one. */
  #guard<Result> (work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      if (/^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN)/.test(code)) {
        throw new StoreUnavailableError(`SQLite: ${code}`, { cause: error })
      }
      throw error
    }
  }
}
