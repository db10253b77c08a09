/**
 * Flash at about 4 bits (or less) on one machine with one kind of memory, by llama.cpp or ds4:
 *
 *   memory - reserve  >=  file + sequences x cache + scratch
 */
import { scratchBytes, sequenceBytes, type CacheFormat } from './served-model.js'

export interface LocalBuild {
  name: string
  engine: 'llama.cpp' | 'ds4'
  /** What it does to the experts. */
  quality: string
  fileBytes: number
  cacheFormat: CacheFormat
}

const GiB = 2 ** 30

/** Sizes as published for Flash. Pro's smallest, at 2 bits, is for 512 GB. */
export const flashBuilds: LocalBuild[] = [
  // 145.3 GiB of tensors; the file is 0.1 GB larger.
  { name: 'Flash MXFP4 (lossless)', engine: 'llama.cpp', quality: "4 bits, the release's own", fileBytes: 156_100_000_000, cacheFormat: 'bf16' },
  { name: 'ds4f-q4', engine: 'ds4', quality: '4 bits (Q4_K)', fileBytes: 153.3 * GiB, cacheFormat: 'f32' },
  { name: 'ds4f-q2-q4', engine: 'ds4', quality: '2 and 4 bits', fileBytes: 91e9, cacheFormat: 'f32' },
  { name: 'ds4f-q2', engine: 'ds4', quality: '2 bits', fileBytes: 80.8 * GiB, cacheFormat: 'f32' }
]

export interface MachineFit {
  build: LocalBuild
  cacheBytes: number
  scratchBytes: number
  totalBytes: number
  availableBytes: number
  fits: boolean
}

/** System, file cache, the gateway: a rule of thumb. */
export const reserveBytes = 12 * GiB
/** llama.cpp's step, ds4's is smaller. */
const chunkTokens = 512

export function fitMachine (build: LocalBuild, memoryBytes: number, { contextTokens, concurrency }: { contextTokens: number, concurrency: number }): MachineFit {
  const cacheBytes = concurrency * sequenceBytes('flash', build.cacheFormat, contextTokens)
  const scratch = scratchBytes(chunkTokens, contextTokens)
  const totalBytes = build.fileBytes + cacheBytes + scratch
  const availableBytes = memoryBytes - reserveBytes
  return { build, cacheBytes, scratchBytes: scratch, totalBytes, availableBytes, fits: totalBytes <= availableBytes }
}

/** Measured by others on single machines, decode and prefill in tokens per second. */
export const machineSpeeds = [
  { setup: 'M3 Ultra, ds4 q4', decode: '26.6 (12k) to 35.5 (short)', prefill: '449', source: 'ds4 README, May 2026' },
  { setup: 'M3 Ultra, llama.cpp Q4_K_M-XL', decode: '23.3', prefill: 'not given', source: 'teamblobfish GGUF page' },
  { setup: '32-core EPYC Turin, UD-Q4 145 GB, mainline llama.cpp', decode: '9.7', prefill: '70', source: 'ik_llama.cpp issue 1752' },
  { setup: 'EPYC 9374F + RTX PRO 6000, experts on the CPU', decode: '19.8 (8k)', prefill: '356', source: 'llama.cpp PR 24162' }
]

/** Weights read for one token of Flash, batch 1, as released. */
export const flashBytesPerToken = 11.22e9
