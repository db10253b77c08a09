/**
 * Settlements that the store could not take yet. In a file they also outlive this process: each is one JSON line, written
 * before anybody is told that the request is settled. Replaying is safe, for the store knows a settlement it has seen.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { StoreUnavailableError, type AccountStore, type SettleCommand } from '../stores/account-store.js'
import { ledgerEntrySchema } from '../stores/ledger-entry.js'

const commandSchema: z.ZodType<SettleCommand> = z.object({
  reservationId: z.string(),
  charges: z.array(z.object({
    kind: z.enum(['bucket', 'tally']),
    counter: z.string(),
    limit: z.number().nullable(),
    hold: z.number(),
    real: z.number(),
    expiresAtMs: z.number().nullable()
  })),
  entries: z.array(ledgerEntrySchema).min(1)
})

export class SettlementJournal {
  readonly #path: string | null
  #waiting: SettleCommand[] = []
  #isDraining = false

  /** `path` null keeps them in memory only. */
  constructor (path: string | null) {
    this.#path = path
    if (path !== null && existsSync(path)) this.#waiting = readJournal(path)
  }

  get size (): number {
    return this.#waiting.length
  }

  /** @throws what the file system throws; the settlement is then kept in memory */
  add (command: SettleCommand): void {
    // Rates are about the last minute; by the time this is replayed that minute is over.
    const kept = { ...command, charges: command.charges.filter(charge => charge.kind === 'tally') }
    this.#waiting.push(kept)
    if (this.#path !== null) appendFileSync(this.#path, `${JSON.stringify(kept)}\n`)
  }

  /** Hands over what it can; what the store refuses for another reason than absence stays and is returned. */
  async drain (store: AccountStore): Promise<unknown[]> {
    if (this.#isDraining || this.#waiting.length === 0) return []
    this.#isDraining = true
    const failures: unknown[] = []
    const settled = new Set<SettleCommand>()
    try {
      for (const command of [...this.#waiting]) {
        try {
          await store.settle(command)
          settled.add(command)
        } catch (error) {
          if (error instanceof StoreUnavailableError) break
          failures.push(error)
        }
      }
      if (settled.size > 0) {
        this.#waiting = this.#waiting.filter(command => !settled.has(command))
        this.#rewrite()
      }
    } finally {
      this.#isDraining = false
    }
    return failures
  }

  #rewrite (): void {
    if (this.#path === null) return
    const next = `${this.#path}.next`
    writeFileSync(next, this.#waiting.map(command => `${JSON.stringify(command)}\n`).join(''))
    renameSync(next, this.#path)
  }
}

/** A last line without its newline was cut by a crash: nobody was told that it is settled. */
function readJournal (path: string): SettleCommand[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const torn = lines.pop() ?? ''
  if (torn !== '') writeFileSync(path, lines.map(line => `${line}\n`).join(''))
  return lines.filter(line => line !== '').map(line => commandSchema.parse(JSON.parse(line)))
}
