import { tierSchema, type Tier } from '../../workers/contract/job.js'
import { listPrices } from './list-prices.js'
import { ownHardwarePrices, type OwnHardware, type PriceBook } from './price-book.js'

export interface PriceSettings {
  /** DeepSeek's list prices, or a book of one's own. */
  prices: 'deepseek' | PriceBook
  /** Of the list prices; a book of one's own has its own. */
  holidays: readonly string[]
  /** A tier that runs on hardware of one's own has one price, at all times, made of what the hardware costs. */
  ownHardware: Readonly<Record<Tier, OwnHardware | null>>
}

export function configuredPrices ({ prices, holidays, ownHardware }: PriceSettings): PriceBook {
  const book = prices === 'deepseek' ? listPrices(holidays) : prices
  const own = tierSchema.options.flatMap(tier => {
    const hardware = ownHardware[tier]
    return hardware === null ? [] : [{ from: 0, tier, offPeak: ownHardwarePrices(hardware) }]
  })
  return { ...book, rows: [...book.rows.filter(row => ownHardware[row.tier] === null), ...own] }
}
