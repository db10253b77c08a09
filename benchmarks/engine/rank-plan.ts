/**
 * Whether a tier fits the rank layout: what one layer takes of a rank's arena, asked of the real loader over the headers of
 * one true-size layer (the file is a hole, so it takes no disk).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type Checkpoint } from '../../workers/engines/v4/checkpoint/checkpoint.js'
import { readV4Config, type V4Config } from '../../workers/engines/v4/checkpoint/config.js'
import { expectedTensors, scaleNameOf } from '../../workers/engines/v4/checkpoint/inventory.js'
import { type TensorSource, writeCheckpoint } from '../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { soleExchange } from '../../workers/engines/v4/model/exchange.js'
import { loadModel, soleRank } from '../../workers/engines/v4/model/load-model.js'
import { rowBounds } from '../../workers/engines/v4/model/row-split.js'

export interface RankPlan {
  tier: string
  ranks: number
  /** Weights, scratch and caches of one layer with an indexer, the largest kind, on the rank that has most of it. */
  layerBytes: number
  layersPerArena: number
  arenasPerRank: number
  /** Weights of all ranks. */
  hostBytes: number
}

/** Four sequences of up to 128K tokens, of which two can be full at once. */
const capacity = { slots: 4, blocks: 2048, snapshots: 64 }
const contextTokens = 131_072
/** A WebAssembly memory, less what the loader leaves for alignment. */
const arenaBytes = 2 ** 32 - 2 ** 24

export async function planRanks (tier: string, configKeys: Readonly<Record<string, unknown>>, rankCounts: readonly number[]): Promise<RankPlan[]> {
  const config = readV4Config(JSON.stringify(configKeys))
  // With few words, so that embedding and head are smaller than the layer that is asked about.
  const layer = await openLayerHeaders({ ...configKeys, num_hidden_layers: 1, compress_ratios: [4], num_hash_layers: 0, vocab_size: 1024 })
  try {
    const plans: RankPlan[] = []
    for (const ranks of rankCounts) plans.push(await planFor(tier, config, layer, ranks))
    return plans
  } finally {
    await layer.close()
  }
}

async function planFor (tier: string, config: V4Config, layer: Checkpoint, ranks: number): Promise<RankPlan> {
  const each = Array.from({ length: ranks }, (_, rank) => rank)
  const pieces: number[] = []
  for (const rank of each) pieces.push(await pieceBytes(layer, rank, ranks))
  const layerBytes = Math.max(...pieces)
  const weights = each.map(rank => layerWeights(layer, rank, ranks))
  const layersPerArena = layerBytes > arenaBytes ? 0 : 1 + Math.floor((arenaBytes - layerBytes) / Math.max(...weights))
  const embedding = config.vocabularySize * config.hiddenSize * 2
  return {
    tier,
    ranks,
    layerBytes,
    layersPerArena,
    arenasPerRank: Math.ceil(config.layerCount / layersPerArena) + 1,
    // Every rank has the embedding; they share the head.
    hostBytes: weights.reduce((sum, bytes) => sum + bytes, 0) * config.layerCount + (ranks + 1) * embedding
  }
}

/** Weights of the layer that a rank holds: its rows of what is spread, all of the rest. */
function layerWeights ({ tensors, config }: Checkpoint, rank: number, ranks: number): number {
  return [...tensors.values()].filter(({ name }) => name.startsWith('layers.')).reduce((sum, { name, shape: [rows = 1], byteLength }) => {
    const bounds = rowBounds(config, name, rows, ranks)
    return sum + byteLength * (bounds === null ? 1 : ((bounds[rank + 1] ?? 0) - (bounds[rank] ?? 0)) / rows)
  }, 0)
}

/** The loader says what the layer needs when it is told of an arena that holds only the embedding. */
async function pieceBytes (layer: Checkpoint, rank: number, rankCount: number): Promise<number> {
  const embedding = layer.tensors.get('embed.weight')?.byteLength ?? 0
  try {
    await loadModel(layer, { ...soleRank, exchange: { ...soleExchange, rank, rankCount }, maxRows: 64, contextTokens, capacity, arenaBytes: embedding + 1024 })
  } catch (error) {
    const needed = error instanceof RangeError ? /^layer 0 needs (\d+) bytes/.exec(error.message)?.[1] : undefined
    if (needed === undefined) throw error
    return Number(needed)
  }
  throw new Error('the layer is no larger than the embedding')
}

async function openLayerHeaders (configKeys: Record<string, unknown>): Promise<Checkpoint> {
  const directory = mkdtempSync(join(tmpdir(), 'gearbox-headers-'))
  try {
    const hole = (tensor: Pick<TensorSource, 'name' | 'type' | 'shape'>): TensorSource => ({ ...tensor, bytes: () => null })
    const shard = expectedTensors(readV4Config(JSON.stringify(configKeys))).flatMap(({ name, forms: [form] }): TensorSource[] => {
      if (form === undefined) return []
      const weight = hole({ name, type: form.type, shape: form.shape })
      return form.scaleShape === undefined ? [weight] : [weight, hole({ name: scaleNameOf(name), type: 'F8_E8M0', shape: form.scaleShape })]
    })
    await writeCheckpoint(directory, { configKeys, shards: [shard] })
    return await openCheckpoint(directory)
  } finally {
    // The open file is enough.
    rmSync(directory, { recursive: true })
  }
}
