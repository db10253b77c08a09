/**
 * Where the state of a sequence lies, in floats, for the layers of one stage.
 *
 * A sequence owns one *slot* (window ring and compressor states: a fixed size) and a growing list of *blocks*
 * (compressed entries of `blockTokens` tokens, all layers together; in memory the same part of all blocks lies
 * together, since that is what a step reads). A slot begins with the part that is still
 * alive at a block boundary, where every compressor has just emptied: a snapshot there copies only that part.
 */
import { attentionKindOf, type V4Config } from '../checkpoint/config.js'

export interface CompressorPlace {
  readonly ratio: number
  /** An entry also pools the first half of the channels of the block before (ratio 4). */
  readonly isOverlapping: boolean
  /** Channels of an entry. */
  readonly width: number
  readonly entriesPerBlock: number
  /** Whether entries are laid out for the indexer's scan, in quads, of which every 4 channels lie side by side. */
  readonly isInterleaved: boolean
  /** Floats of a block's parts before the one that holds these entries. */
  readonly entries: number
  /** Of a block's entries. */
  readonly entriesFloats: number
  /** [ratio, width] keys, then gates, of the block before; from the start of a slot. Only when overlapping. */
  readonly previous: number
  /** [ratio, width or 2 width] keys, then gates, of the block that is being filled; from the start of a slot. */
  readonly current: number
}

export interface LayerPlace {
  /** [window, headDim] ring, slot of a position = position mod window; from the start of a slot. */
  readonly window: number
  readonly compressor: CompressorPlace | null
  readonly indexer: CompressorPlace | null
}

export interface KvLayout {
  /** Tokens of a block: at least 128, and a multiple of every ratio. */
  readonly blockTokens: number
  readonly blockFloats: number
  readonly slotFloats: number
  /** Floats at the start of a slot that are alive at a block boundary. */
  readonly snapshotFloats: number
  readonly layers: readonly LayerPlace[]
}

const SMALLEST_BLOCK_TOKENS = 128

/** @param layers indices in the network of the layers of this stage */
export function layOutKv (config: V4Config, layers: readonly number[]): KvLayout {
  const blockTokens = tokensPerBlock(config)
  const ratios = layers.map(layer => config.compressRatios[layer] ?? 0)
  const slot = new Cursor()
  const block = new Cursor()
  const windows = ratios.map(() => slot.place(config.window * config.headDim))
  const starts = ratios.map(ratio => {
    const kind = attentionKindOf(ratio)
    return {
      compressor: kind === 'swa' ? null : beginPlace({ ratio, width: config.headDim, isInterleaved: false }, blockTokens, slot, block),
      indexer: kind === 'csa' ? beginPlace({ ratio, width: config.indexHeadDim, isInterleaved: true }, blockTokens, slot, block) : null
    }
  })
  const snapshotFloats = slot.used
  const places = starts.map(({ compressor, indexer }, index) => ({
    window: windows[index] ?? 0,
    compressor: compressor === null ? null : endPlace(compressor, slot),
    indexer: indexer === null ? null : endPlace(indexer, slot)
  }))
  return { blockTokens, blockFloats: block.used, slotFloats: slot.used, snapshotFloats, layers: places }
}

/** Floats of compressed state that a token adds over those layers (V4 section 9.3). */
export function kvFloatsPerToken (config: V4Config, layers: readonly number[]): number {
  const { blockFloats, blockTokens } = layOutKv(config, layers)
  return blockFloats / blockTokens
}

/** The same for every stage, whatever layers it holds. */
function tokensPerBlock (config: V4Config): number {
  const multiple = config.compressRatios.filter(ratio => ratio > 0).reduce(leastCommonMultiple, 1)
  return Math.ceil(SMALLEST_BLOCK_TOKENS / multiple) * multiple
}

function leastCommonMultiple (a: number, b: number): number {
  let [divisor, rest] = [a, b]
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest]
  return a / divisor * b
}

type StartedPlace = Omit<CompressorPlace, 'current'>

function beginPlace (use: Pick<CompressorPlace, 'ratio' | 'width' | 'isInterleaved'>, blockTokens: number, slot: Cursor, block: Cursor): StartedPlace {
  const { ratio, width, isInterleaved } = use
  const isOverlapping = attentionKindOf(ratio) === 'csa'
  const entriesPerBlock = blockTokens / ratio
  return {
    ...use,
    isOverlapping,
    entriesPerBlock,
    entries: block.used,
    entriesFloats: block.take((isInterleaved ? Math.ceil(entriesPerBlock / 4) * 4 : entriesPerBlock) * width),
    previous: slot.place(isOverlapping ? 2 * ratio * width : 0)
  }
}

function endPlace (place: StartedPlace, slot: Cursor): CompressorPlace {
  const channels = place.isOverlapping ? 2 * place.width : place.width
  return { ...place, current: slot.place(2 * place.ratio * channels) }
}

/** Hands out consecutive runs, each beginning at a multiple of 4 floats so that SIMD loads are aligned. */
class Cursor {
  used = 0

  /** @returns where the run begins */
  place (floats: number): number {
    const start = this.used
    this.take(floats)
    return start
  }

  /** @returns how long the run is */
  take (floats: number): number {
    const length = Math.ceil(floats / 4) * 4
    this.used += length
    return length
  }
}
