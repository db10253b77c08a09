/**
 * What a tier weighs. Tensor bytes are sums over the releases' safetensors headers; bytes per token and the fixed part of
 * a sequence follow from the layers (V4 architecture, sections 8.1 and 9.3).
 */
import type { Tier } from '../../workers/contract/job.js'

export type Revision = 'preview' | '0731'

export interface ServedModel {
  tier: Tier
  /** The release's own name. */
  repository: string
  revision: Revision
  layers: number
  hiddenSize: number
  /** Output groups of attention: tensor parallelism must divide them. */
  outputGroups: number
  routedExperts: number
  expertBytes: number
  /** Attention, shared experts, router, norms. */
  denseBytes: number
  /** The part of `denseBytes` that tensor parallelism leaves whole on every GPU (vLLM: wq_a, wkv, compressors, indexer, router, streams). */
  replicatedBytes: number
  /** Embedding and head together. */
  vocabularyBytes: number
  drafterBytes: number
  contextTokens: number
}

const models: Record<Tier, Record<Revision, ServedModel>> = (() => {
  const flash = {
    tier: 'flash' as const,
    layers: 43,
    hiddenSize: 4096,
    outputGroups: 8,
    routedExperts: 256,
    expertBytes: 147_169_738_752,
    denseBytes: 6_709_219_548,
    replicatedBytes: 1_290_000_000,
    vocabularyBytes: 2 * 1_059_061_760,
    contextTokens: 1_048_576
  }
  const pro = {
    tier: 'pro' as const,
    layers: 61,
    hiddenSize: 7168,
    outputGroups: 16,
    routedExperts: 384,
    expertBytes: 822_054_223_872,
    denseBytes: 24_968_648_652,
    replicatedBytes: 3_500_000_000,
    vocabularyBytes: 2 * 1_853_358_080,
    contextTokens: 1_048_576
  }
  return {
    flash: {
      preview: { ...flash, repository: 'deepseek-ai/DeepSeek-V4-Flash', revision: 'preview', drafterBytes: 3_593_787_756 },
      '0731': { ...flash, repository: 'deepseek-ai/DeepSeek-V4-Flash-0731', revision: '0731', drafterBytes: 10_862_838_300 }
    },
    pro: {
      preview: { ...pro, repository: 'deepseek-ai/DeepSeek-V4-Pro', revision: 'preview', drafterBytes: 13_956_587_692 },
      // The published total, 892,727,580,904, less the backbone.
      '0731': { ...pro, repository: 'deepseek-ai/DeepSeek-V4-Pro-0813', revision: '0731', drafterBytes: 41_979_375_900 }
    }
  }
})()

export function servedModel (tier: Tier, revision: Revision): ServedModel {
  return models[tier][revision]
}

/** main = FP8 with bf16 rotary part (584 B an entry); the indexer's entries are FP4 on Blackwell, FP8 elsewhere. */
export type CacheFormat = 'fp8-fp4' | 'fp8-fp8' | 'bf16' | 'f32'

const growingBytesPerToken: Record<Tier, Record<CacheFormat, number>> = {
  flash: { 'fp8-fp4': 3514, 'fp8-fp8': 3850, bf16: 6880, f32: 13_760 },
  pro: { 'fp8-fp4': 5031, 'fp8-fp8': 5511, bf16: 9848, f32: 19_696 }
}

/** Window ring and compressor states, whatever the length. */
const fixedBytes: Record<Tier, Record<'packed' | 'wide', number>> = {
  flash: { packed: 3.1 * 2 ** 20 + 12_200_000, wide: 5.4 * 2 ** 20 + 12_200_000 },
  pro: { packed: 4.3 * 2 ** 20 + 18_700_000, wide: 7.6 * 2 ** 20 + 18_700_000 }
}

/** Cache of one sequence of this length. There is one KV head, so tensor parallelism does not divide it. */
export function sequenceBytes (tier: Tier, format: CacheFormat, contextTokens: number): number {
  const isPacked = format === 'fp8-fp4' || format === 'fp8-fp8'
  return growingBytesPerToken[tier][format] * contextTokens + fixedBytes[tier][isPacked ? 'packed' : 'wide']
}

/** The indexer scores a prompt chunk against every fourth position in fp32: chunk x context/4 x 4 bytes, on each GPU. */
export function scratchBytes (chunkTokens: number, contextTokens: number): number {
  return chunkTokens * contextTokens
}
