/** How an engine is set up for a checkpoint on this host: sizes that nobody stated are chosen here. */
import { type V4Config } from './checkpoint/config.js'
import { type Kernels } from './kernels/kernels.js'
import { type Mode } from './model/mode.js'
import { type Arithmetic } from './model/workspace.js'
import { type GroupSetting } from './ranks/rank-messages.js'
import { layOutKv } from './sequence/kv-layout.js'

export interface V4EngineOptions {
  /** Default 1: what ranks say to each other outweighs what they share in a mini; two pay for networks about 1000 wide. */
  ranks?: number
  /** Default `exact`. */
  mode?: Mode
  /** Default `f32`. */
  arithmetic?: Arithmetic
  kernels?: Kernels['name']
  /** Default: the checkpoint's, as far as the cache budget carries one sequence. */
  contextTokens?: number
  /** Jobs that run at once, default 16. */
  maxRunning?: number
  /** Jobs that wait for their turn before others are refused, default 256. */
  maxWaiting?: number
  /** For the compressed entries of all sequences, default 1 GiB. Memory is taken only as sequences grow. */
  cacheBytes?: number
  /** For the states that let a prompt go on from a cached prefix, default 128 MiB; 0 turns the prefix cache off. */
  prefixCacheBytes?: number
  layerDeadlineMs?: number
}

/** Rows of one batch; the kernels take no more. */
export const MAX_ROWS = 64
/** Prompt rows beside running jobs: a quarter of a batch keeps their pace within sight of a step without prompts. */
const PREFILL_ROWS = 16
const DEFAULT_CACHE_BYTES = 2 ** 30
const DEFAULT_PREFIX_CACHE_BYTES = 2 ** 27
const DEFAULT_RUNNING = 16
const DEFAULT_DEADLINE_MS = 60_000

export function groupSettingOf (directory: string, config: V4Config, options: V4EngineOptions): GroupSetting {
  const { ranks = 1, mode = 'exact', arithmetic = 'f32', kernels = null, maxRunning = DEFAULT_RUNNING, cacheBytes = DEFAULT_CACHE_BYTES, prefixCacheBytes = DEFAULT_PREFIX_CACHE_BYTES } = options
  const { blockTokens, blockFloats, snapshotFloats } = layOutKv(config, config.compressRatios.map((_, layer) => layer))
  const floatBytes = arithmetic === 'f32' ? 4 : 8
  const blockBytes = blockFloats * floatBytes
  const wantedTokens = Math.min(options.contextTokens ?? config.maxPositions, config.maxPositions)
  const wantedBlocks = Math.ceil(wantedTokens / blockTokens)
  // A network without compression has blocks of no size; then only the number of sequences is bounded.
  const affordable = blockBytes === 0 ? wantedBlocks * maxRunning : Math.floor(cacheBytes / blockBytes)
  if (affordable === 0) throw new RangeError(`a cache of ${cacheBytes} bytes holds no block of ${blockTokens} tokens (${blockBytes} bytes)`)
  const blocks = Math.min(affordable, wantedBlocks * maxRunning)
  return {
    directory,
    rankCount: ranks,
    mode,
    arithmetic,
    kernels,
    maxRows: MAX_ROWS,
    contextTokens: Math.min(wantedTokens, blocks * blockTokens),
    capacity: { slots: maxRunning, blocks, snapshots: Math.min(blocks, Math.floor(prefixCacheBytes / (snapshotFloats * floatBytes))) },
    blockTokens,
    prefillRows: PREFILL_ROWS,
    layerDeadlineMs: options.layerDeadlineMs ?? DEFAULT_DEADLINE_MS
  }
}
