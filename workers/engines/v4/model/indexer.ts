/** Chooses which compressed entries a query attends to (lightning indexer, V4 section 4.8). */
import { type V4Config } from '../checkpoint/config.js'
import { type Kernels, type ScanArguments } from '../kernels/kernels.js'
import { fakeQuantiseFp4 } from '../numerics/fake-quantise.js'
import { hadamard } from '../numerics/hadamard.js'
import { type CompressorPlace } from '../sequence/kv-layout.js'
import { type KvStore } from '../sequence/kv-store.js'
import { type Exchange } from './exchange.js'
import { type IndexerWeights } from './layer-weights.js'
import { type Mode } from './mode.js'
import { type RotaryTable } from './rope.js'
import { multiplySplit, partOf } from './split-product.js'
import { type StepSlice } from './step.js'
import { type OffsetList, type Region, type Workspace } from './workspace.js'

export class Indexer {
  /** Of the last `pick`. */
  readonly picks: OffsetList
  readonly #config: V4Config
  readonly #kernels: Kernels
  readonly #kv: KvStore
  readonly #mode: Mode
  readonly #exchange: Exchange
  readonly #queries: Region
  readonly #headWeights: Region
  readonly #scan: { -readonly [Key in keyof ScanArguments]: ScanArguments[Key] }
  /** Where the keys of the slice that was opened lie. */
  readonly #runs: OffsetList
  readonly #floatBytes: number

  constructor (config: V4Config, kernels: Kernels, workspace: Workspace, kv: KvStore, mode: Mode, exchange: Exchange, maxRows: number, maxEntries: number) {
    this.#config = config
    this.#kernels = kernels
    this.#kv = kv
    this.#mode = mode
    this.#exchange = exchange
    this.#queries = workspace.floats(maxRows * config.indexHeadCount * config.indexHeadDim)
    this.#headWeights = workspace.floats(maxRows * config.indexHeadCount)
    this.#runs = workspace.offsets(maxEntries)
    this.picks = workspace.offsets(config.indexTopK)
    this.#scan = {
      q: 0, headWeights: 0, runs: this.#runs.offset, runLength: 0, count: 0, width: config.indexHeadDim, heads: config.indexHeadCount, scores: workspace.floats(maxEntries).offset
    }
    this.#floatBytes = workspace.floatBytes
  }

  /** Queries and head weights of all rows, for the `pick` calls of this step. */
  prepare (weights: IndexerWeights, queryLatent: Region, x: Region, table: RotaryTable, rows: number): void {
    const { indexHeadCount: heads, indexHeadDim: width } = this.#config
    multiplySplit(this.#kernels, weights.queries, queryLatent.offset, this.#queries, rows)
    this.#exchange.gather([partOf(weights.queries, this.#queries)], rows)
    this.#kernels.multiply(weights.headWeights, x.offset, this.#headWeights.offset, rows)
    const values = this.#queries.values
    this.#kernels.rotate(this.#queries.offset, table.offset, rows, heads, width, this.#config.ropeDim, 1)
    for (let head = 0; head < rows * heads; head++) hadamard(values, head * width, width)
    if (this.#mode === 'qat_sim') fakeQuantiseFp4(values, 0, rows * heads * width)
    const scale = width ** -0.5 * heads ** -0.5
    for (let i = 0; i < rows * heads; i++) this.#headWeights.values[i] = (this.#headWeights.values[i] ?? 0) * scale
  }

  /** Reads where the entries of a slice are; `pick` then uses the first ones of them. */
  openSlice (place: CompressorPlace, { sequence, start, count }: StepSlice): void {
    this.#scan.runLength = place.entriesPerBlock
    this.#kv.listRuns(sequence, place, Math.floor((start + count) / place.ratio), this.#runs.values)
  }

  /**
   * @param row row of the step @param visible entries that the row may see
   * @returns how many entries were chosen; they are in `picks`, in ascending order
   */
  pick (row: number, visible: number): number {
    const { indexHeadCount: heads, indexHeadDim: width, indexTopK } = this.#config
    const scan = this.#scan
    scan.q = this.#queries.offset + row * heads * width * this.#floatBytes
    scan.headWeights = this.#headWeights.offset + row * heads * this.#floatBytes
    scan.count = visible
    this.#kernels.indexScores(scan)
    return this.#kernels.selectTop(scan.scores, visible, indexTopK, this.picks.offset)
  }
}
