/**
 * Does it fit, per GPU:  memory x utilisation  >=  weights + runtime + scratch + sequences x cache
 *
 * tensor: experts, dense and vocabulary split over all GPUs, small parts whole on each; every GPU holds the cache of every
 * sequence. data: experts split, everything else whole on each GPU; each GPU holds only its own sequences.
 */
import type { Accelerator } from './hardware.js'
import { scratchBytes, sequenceBytes, type CacheFormat, type ServedModel } from './served-model.js'

export type Parallelism = 'tensor' | 'data'

export interface Demand {
  contextTokens: number
  /** Sequences at full length at the same time. */
  concurrency: number
}

export interface GpuFit {
  parallelism: Parallelism
  gpuCount: number
  utilisation: number
  budgetBytes: number
  weightBytes: number
  runtimeBytes: number
  scratchBytes: number
  chunkTokens: number
  cacheFormat: CacheFormat
  bytesPerSequence: number
  sequencesPerGpu: number
  /** What is left for caches; negative when not even the weights fit. */
  cacheBytes: number
  /** Full-length sequences that fit, over all GPUs. */
  mostSequences: number
  /** Longest context at the asked concurrency; 0 when there is none. */
  mostContextTokens: number
  fits: boolean
}

/** Graphs, libraries, collectives: a rule of thumb, to be measured at warm-up. */
const runtimeBytes = 2e9

export function fitGpus (model: ServedModel, accelerator: Accelerator, gpuCount: number, parallelism: Parallelism, demand: Demand): GpuFit {
  const { contextTokens, concurrency } = demand
  const utilisation = utilisationOf(model, accelerator)
  const chunkTokens = chunkOf(accelerator)
  const cacheFormat: CacheFormat = accelerator.generation === 'blackwell' ? 'fp8-fp4' : 'fp8-fp8'
  const budgetBytes = accelerator.memoryBytes * utilisation
  const weightBytes = weightsPerGpu(model, gpuCount, parallelism)
  const spaceFor = (tokens: number): number => budgetBytes - weightBytes - runtimeBytes - scratchBytes(chunkTokens, tokens)
  const shares = parallelism === 'tensor' ? 1 : gpuCount
  const sequencesPerGpu = Math.ceil(concurrency / shares)
  const cacheBytes = spaceFor(contextTokens)
  const bytesPerSequence = sequenceBytes(model.tier, cacheFormat, contextTokens)
  const isRoomFor = (tokens: number): boolean => sequencesPerGpu * sequenceBytes(model.tier, cacheFormat, tokens) <= spaceFor(tokens)
  return {
    parallelism,
    gpuCount,
    utilisation,
    budgetBytes,
    weightBytes,
    runtimeBytes,
    scratchBytes: scratchBytes(chunkTokens, contextTokens),
    chunkTokens,
    cacheFormat,
    bytesPerSequence,
    sequencesPerGpu,
    cacheBytes,
    mostSequences: Math.max(0, Math.floor(cacheBytes / bytesPerSequence)) * shares,
    mostContextTokens: longest(model.contextTokens, isRoomFor),
    fits: isRoomFor(contextTokens)
  }
}

function weightsPerGpu ({ expertBytes, denseBytes, replicatedBytes, vocabularyBytes, drafterBytes }: ServedModel, gpuCount: number, parallelism: Parallelism): number {
  if (parallelism === 'data') return (expertBytes + drafterBytes) / gpuCount + denseBytes + vocabularyBytes
  return (expertBytes + drafterBytes + denseBytes - replicatedBytes + vocabularyBytes) / gpuCount + replicatedBytes
}

/** Pro leaves so little on a 141 GB card that its recipe goes to 0.95 there. */
function utilisationOf ({ tier }: ServedModel, { name }: Accelerator): number {
  if (tier === 'pro' && name === 'H200') return 0.95
  return name === 'H100' ? 0.84 : 0.9
}

/** Prompt tokens per step: the field's values where memory is short and where it is not. */
function chunkOf ({ generation }: Accelerator): number {
  return generation === 'blackwell' || generation === 'cdna' ? 8192 : 4096
}

/** Largest multiple of 256 tokens that fits. */
function longest (mostTokens: number, isRoomFor: (tokens: number) => boolean): number {
  let low = 0
  let high = Math.floor(mostTokens / 256)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (isRoomFor(middle * 256)) low = middle
    else high = middle - 1
  }
  return low * 256
}
