/** Where the weights of one layer lie in its arena. */
import { type Matrix } from '../kernels/matrix.js'
import { type Region } from './workspace.js'

/** Parameters of one mHC site, or of the head's combination (V4 sections 3.2 and 3.3). */
export interface StreamWeights {
  readonly mix: Matrix
  readonly base: Region
  readonly scale: Region
}

export interface CompressorWeights {
  readonly keys: Matrix
  readonly gates: Matrix
  /** [ratio, channels]: added to the gate of the token at that place of its block. */
  readonly positionBias: Float64Array
  readonly norm: Region
}

export interface IndexerWeights {
  readonly queries: Matrix
  readonly headWeights: Matrix
  readonly compressor: CompressorWeights
}

/** Rows of the grouped output projection that read the same group of heads. */
export interface GroupMatrix {
  readonly matrix: Matrix
  readonly group: number
  /** Of the first row, in the whole projection. */
  readonly firstRow: number
}

export interface AttentionWeights {
  readonly queryDown: Matrix
  readonly queryNorm: Region
  readonly queryUp: Matrix
  readonly keyValue: Matrix
  readonly keyValueNorm: Region
  readonly sinks: Region
  readonly outputDown: readonly GroupMatrix[]
  readonly outputUp: Matrix
  readonly compressor: CompressorWeights | null
  readonly indexer: IndexerWeights | null
}

export interface ExpertWeights {
  readonly gate: Matrix
  readonly up: Matrix
  readonly down: Matrix
}

export interface ExpertsWeights {
  readonly router: Matrix
  /** [vocabulary, experts per token], hash layers only. */
  readonly expertsOfToken: Int32Array | null
  /** Selection bias, scored layers only. */
  readonly selectionBias: Float64Array | null
  /** Index in the network of `experts[0]`: the first of this rank's range. */
  readonly firstExpert: number
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
  readonly output: Matrix
}
