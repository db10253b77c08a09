/**
 * How much less each of two ranks computes than one alone: processor time of a decode step and of a 64-token piece of a
 * prompt, with exchanges that copy but wait for nobody. The best of many
 * short runs is shown, since other work on the machine only ever slows a run down. The ratio is what two ranks reach on two free processors, less the
 * waiting; it can be taken on a busy machine, where ranks that wait for each other cannot.
 *
 *   npm run build && node dist/benchmarks/kernels/rank-share.js CHECKPOINT_DIRECTORY [rounds]
 */
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type V4Config } from '../../workers/engines/v4/checkpoint/config.js'
import { type Exchange, exchangeFloats, type SharedPart } from '../../workers/engines/v4/model/exchange.js'
import { type ForwardPass } from '../../workers/engines/v4/model/forward-pass.js'
import { loadModel, soleRank } from '../../workers/engines/v4/model/load-model.js'
import { Sequence } from '../../workers/engines/v4/sequence/sequence.js'

const [directory = '', roundCount = '25'] = process.argv.slice(2)
const PROMPT_ROWS = 64
const measureMs = 20

/** Counts, and copies as a shared exchange does: what the other rank would have said is left as it is. */
class LonelyExchange implements Exchange {
  readonly rank: number
  readonly rankCount = 2
  count = 0
  readonly #shared: Float32Array

  constructor (rank: number, config: V4Config) {
    this.rank = rank
    this.#shared = new Float32Array(exchangeFloats(config, PROMPT_ROWS))
  }

  gather (parts: readonly SharedPart[], rows: number): void {
    this.count++
    for (const part of parts) for (const rank of [0, 1]) this.#copy(part, rank, rows)
  }

  gatherFirst (part: SharedPart, rows: number): void {
    this.gather([part], rows)
  }

  #copy ({ values, width, bounds }: SharedPart, rank: number, rows: number): void {
    const [begin = 0, end = 0] = bounds.slice(rank, rank + 2)
    for (let row = 0; row < rows * width; row += width) {
      for (let column = row + begin; column < row + end; column++) this.#shared[column] = values[column] ?? 0
    }
  }
}

async function load (exchange: (config: V4Config) => Exchange): Promise<ForwardPass> {
  const checkpoint = await openCheckpoint(directory)
  try {
    return await loadModel(checkpoint, { ...soleRank, exchange: exchange(checkpoint.config), maxRows: PROMPT_ROWS, contextTokens: 256, capacity: { slots: 1, blocks: 2, snapshots: 0 } })
  } finally {
    await checkpoint.close()
  }
}

/** Microseconds of processor time a token. */
function cost (pass: ForwardPass, rows: number): number {
  const sequence = new Sequence(0, Int32Array.of(0, 1))
  const start = process.cpuUsage()
  const end = performance.now() + measureMs
  let turns = 0
  do {
    sequence.position = PROMPT_ROWS
    pass.forward([{ sequence, tokenIds: Int32Array.from({ length: rows }, (_, i) => 3 + (turns * 7 + i * 37) % 200), wants: 'last' }])
    turns++
  } while (performance.now() < end)
  return process.cpuUsage(start).user / turns / rows
}

const exchanges: LonelyExchange[] = []
const share = (rank: number) => (config: V4Config): Exchange => {
  const exchange = new LonelyExchange(rank, config)
  exchanges.push(exchange)
  return exchange
}
const passes = [await load(() => soleRank.exchange), await load(share(0)), await load(share(1))]
for (const pass of passes) for (const rows of [PROMPT_ROWS, 1]) cost(pass, rows)
for (const rows of [1, PROMPT_ROWS]) {
  const rounds = Array.from({ length: Number(roundCount) }, () => passes.map(pass => cost(pass, rows)))
  const [alone = NaN, ...shares] = passes.map((_, index) => Math.min(...rounds.map(costs => costs[index] ?? NaN)))
  process.stdout.write(`${rows === 1 ? 'decode' : `${rows} tokens of a prompt`}: alone ${alone.toFixed(0)} us a token, of two ranks ${shares.map(us => us.toFixed(0)).join(' and ')}: at most ${(alone / Math.max(...shares)).toFixed(2)}x\n`)
}
const before = exchanges[0]?.count ?? 0
passes[1]?.forward([{ sequence: new Sequence(0, Int32Array.of(0, 1)), tokenIds: [3], wants: 'last' }])
process.stdout.write(`${(exchanges[0]?.count ?? 0) - before} exchanges a step\n`)
