/** `gearbox usage`: what was used and what it cost, from the ledger; exports; and whether the counters agree with it. */
import { parseArgs } from 'node:util'
import { checkCounters, exportCsv, exportJsonLines, rebuildCounters, usageBy, type TimeRange, type UsageGroup } from '../accounts/ledger.js'
import { formatUsd } from '../accounts/money.js'
import { monthOf } from '../accounts/utc-period.js'
import { readEnvironment } from '../config/load-config.js'
import { openAccountStore } from '../stores/open-account-store.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

const usage = `usage: gearbox usage --store PATH|redis://… [--by org,key,tier,reason,day] [--from 2026-11-01] [--to 2026-12-01]
                     [--export csv|jsonl | --check | --rebuild]
       --from is inclusive, --to exclusive, both UTC; without them: this month`

const groups: readonly UsageGroup[] = ['org', 'key', 'tier', 'reason', 'day']

export async function runUsage (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      store: { type: 'string' },
      by: { type: 'string', default: 'key,tier,day' },
      from: { type: 'string' },
      to: { type: 'string' },
      export: { type: 'string' },
      check: { type: 'boolean', default: false },
      rebuild: { type: 'boolean', default: false }
    }
  })
  const location = values.store ?? readEnvironment()['GEARBOX_STORE']
  if (location === undefined) throw new CliInputError(`--store is missing\n${usage}`)
  const by = values.by.split(',').filter(word => word !== '').map(word => {
    const group = groups.find(known => known === word)
    if (group === undefined) throw new CliInputError(`--by: no group ${word}; there are ${groups.join(', ')}`)
    return group
  })
  if (values.export !== undefined && values.export !== 'csv' && values.export !== 'jsonl') throw new CliInputError('--export: csv or jsonl')
  const given = { from: instant('from', values.from), to: instant('to', values.to) }
  const store = await openAccountStore(location, { commandTimeoutMs: 5000 })
  try {
    const month = monthOf(await store.nowMs())
    const range: TimeRange = { fromMs: given.from ?? month.startMs, toMs: given.to ?? month.endMs }
    if (values.rebuild) {
      await rebuildCounters(store, range.fromMs)
      io.writeError(`counters of ${monthOf(range.fromMs).label} were set to the ledger's sums\n`)
    } else if (values.check) {
      const differences = await checkCounters(store, range.fromMs)
      for (const { counter, counted, ledger } of differences) io.write(`${counter}\tcounted ${formatUsd(counted)}\tledger ${formatUsd(ledger)}\n`)
      if (differences.length > 0) throw new Error(`${differences.length} counters of ${monthOf(range.fromMs).label} differ from the ledger; --rebuild sets them right`)
      io.writeError(`counters of ${monthOf(range.fromMs).label} agree with the ledger\n`)
    } else if (values.export !== undefined) {
      for await (const line of values.export === 'csv' ? exportCsv(store, range) : exportJsonLines(store, range)) io.write(line)
    } else {
      io.write(`${[...by, 'attempts', 'prompt', 'cached', 'completion', 'usd'].join('\t')}\n`)
      for (const row of await usageBy(store, range, by)) {
        io.write(`${[...by.map(name => row.group[name]), row.attempts, row.promptTokens, row.cachedTokens, row.completionTokens, formatUsd(row.costNanoUsd)].join('\t')}\n`)
      }
    }
  } finally {
    await store.close()
  }
}

function instant (name: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || !/^\d{4}-\d{2}/.test(text)) throw new CliInputError(`--${name}: ${text} is not a date such as 2026-11-01`)
  return ms
}
