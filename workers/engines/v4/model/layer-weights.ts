/** Where the weights of one layer lie in its arena. */
import { type MatrixPiece } from '../checkpoint/load-weights.js'
import { type Matrix } from '../kernels/matrix.js'
import { type Bounds } from './row-split.js'
import { type Region } from './workspace.js'

/** Parameters of one mHC site, or of the head's combination (V4 sections 3.2 and 3.3). */
export interface StreamWeights {
  readonly mix: Matrix
  readonly base: Region
  readonly scale: Region
}

export interface CompressorWeights {
  readonly keys: SplitMatrix
  readonly gates: SplitMatrix
  /** [ratio, channels]: added to the gate of the token at that place of its block. */
  readonly positionBias: Float64Array
  readonly norm: Region
}

export interface IndexerWeights {
  readonly queries: SplitMatrix
  readonly headWeights: Matrix
  readonly compressor: CompressorWeights
}

/** The rows of a matrix that a rank holds. */
export interface SplitMatrix {
  readonly pieces: readonly MatrixPiece[]
  /** Of the whole matrix. */
  readonly rows: number
  readonly bounds: Bounds
}

export interface AttentionWeights {
  readonly queryDown: SplitMatrix
  readonly queryNorm: Region
  /** Of this rank's heads. */
  readonly queryUp: SplitMatrix
  readonly keyValue: SplitMatrix
  readonly keyValueNorm: Region
  readonly sinks: Region
  /** No piece reads more than one group of heads. */
  readonly outputDown: SplitMatrix
  readonly outputUp: SplitMatrix
  readonly compressor: CompressorWeights | null
  readonly indexer: IndexerWeights | null
}

export interface ExpertWeights {
  readonly gate: SplitMatrix
  readonly up: SplitMatrix
  readonly down: SplitMatrix
}

export interface ExpertsWeights {
  readonly router: Matrix
  /** [vocabulary, experts per token], hash layers only. */
  readonly expertsOfToken: Int32Array | null
  /** Selection bias, scored layers only. */
  readonly selectionBias: Float64Array | null
  readonly experts: readonly ExpertWeights[]
  readonly shared: ExpertWeights
}

export interface LayerWeights {
  readonly attentionStreams: StreamWeights
  readonly attentionNorm: Region
  readonly attention: AttentionWeights
  readonly expertStreams: StreamWeights
  readonly expertNorm: Region
  readonly experts: ExpertsWeights
}

export interface HeadWeights {
  readonly streams: StreamWeights
  readonly norm: Region
  readonly output: SplitMatrix
}
