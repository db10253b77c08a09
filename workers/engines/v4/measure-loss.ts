/** How well a checkpoint foretells a text: mean cross-entropy a token, by the forward pass that serves. */
import { CheckpointError } from './checkpoint/config.js'
import { openCheckpoint } from './checkpoint/open-checkpoint.js'
import { type ForwardPass } from './model/forward-pass.js'
import { loadModel, soleRank } from './model/load-model.js'
import { type Floats } from './model/workspace.js'
import { MAX_ROWS } from './engine-settings.js'
import { layOutKv } from './sequence/kv-layout.js'
import { Sequence } from './sequence/sequence.js'

export interface TextLoss {
  /** Tokens that were foretold. */
  readonly tokens: number
  /** Mean of -ln p, in nats a token. */
  readonly crossEntropy: number
  /** exp(crossEntropy): as unsure as a choice among so many tokens. */
  readonly perplexity: number
}

/** A text is cut into pieces that each begin at a begin-of-sentence token: a sequence need not fit the context. */
const PIECE_TOKENS = 2048

/**
 * @param tokenIds the text, without a begin-of-sentence token
 * @throws CheckpointError for a bad checkpoint, a token id that it does not have, or a text without tokens
 */
export async function measureLoss (directory: string, tokenIds: readonly number[]): Promise<TextLoss> {
  const checkpoint = await openCheckpoint(directory)
  try {
    const { config } = checkpoint
    const strange = tokenIds.find(id => id >= config.vocabularySize)
    if (strange !== undefined) throw new CheckpointError(`token id ${strange} is outside the vocabulary of ${config.vocabularySize}`)
    if (tokenIds.length === 0) throw new CheckpointError('a text without tokens has no loss')
    const pieceTokens = Math.min(PIECE_TOKENS, config.maxPositions, tokenIds.length)
    const { blockTokens } = layOutKv(config, config.compressRatios.map((_, layer) => layer))
    const blocks = Math.ceil(pieceTokens / blockTokens)
    const model = await loadModel(checkpoint, { ...soleRank, maxRows: MAX_ROWS, contextTokens: blocks * blockTokens, capacity: { slots: 1, blocks, snapshots: 0 } })
    let sum = 0
    for (let start = 0; start < tokenIds.length; start += pieceTokens) {
      sum += lossOfPiece(model, new Sequence(0, Int32Array.from({ length: blocks }, (_, block) => block)), tokenIds.slice(start, start + pieceTokens))
    }
    const crossEntropy = sum / tokenIds.length
    return { tokens: tokenIds.length, crossEntropy, perplexity: Math.exp(crossEntropy) }
  } finally {
    await checkpoint.close()
  }
}

/** The sum over the piece's tokens. */
function lossOfPiece (model: ForwardPass, sequence: Sequence, tokenIds: readonly number[]): number {
  const inputs = [model.config.bosTokenId, ...tokenIds.slice(0, -1)]
  let sum = 0
  for (let start = 0; start < inputs.length; start += model.maxRows) {
    const wanted = model.forward([{ sequence, tokenIds: inputs.slice(start, start + model.maxRows), wants: 'all' }])
    for (let i = 0; i < wanted; i++) sum += surprise(model.logitsOf(i), tokenIds[start + i] ?? 0)
  }
  return sum
}

/** -ln p of a token, in nats. */
function surprise (logits: Floats, tokenId: number): number {
  let largest = -Infinity
  for (const logit of logits) largest = Math.max(largest, logit)
  let total = 0
  for (const logit of logits) total += Math.exp(logit - largest)
  return largest + Math.log(total) - (logits[tokenId] ?? NaN)
}
