/** Measurements of others, with where they were published. Nothing here was measured by this project. */
import type { Tier } from '../../workers/contract/job.js'

export interface PublishedSpeed {
  setup: string
  /** Milliseconds to the first token of an 8,192-token prompt, alone. */
  firstTokenMs: number
  /** Tokens per second of one stream, alone. */
  streamAlone: number
  /** Tokens per second of each of 16 streams. */
  streamOfSixteen: number
  /** Prompt and answer tokens per second and GPU, in the throughput setting. */
  perGpu: number
  source: string
}

const source = 'SGLang 0.5.15 cookbook, random prompts, 8192 in / 1024 out, with speculation'

interface Row { tier: Tier, accelerator: string, gpuCount: number, speed: PublishedSpeed }

function row (tier: Tier, accelerator: string, gpuCount: number, firstTokenMs: number, tokenMs: number, tokenMsOfSixteen: number, perGpu: number, note = ''): Row {
  return {
    tier,
    accelerator,
    gpuCount,
    speed: {
      setup: `${gpuCount}x ${accelerator}${note}`,
      firstTokenMs,
      streamAlone: Math.round(1000 / tokenMs),
      streamOfSixteen: Math.round(1000 / tokenMsOfSixteen),
      perGpu,
      source
    }
  }
}

const rows: Row[] = [
  row('flash', 'B200', 4, 227, 2.88, 5.44, 8117),
  row('flash', 'B300', 4, 191, 2.85, 5.41, 10_379),
  row('flash', 'GB300', 4, 481, 3.61, 7.02, 7160),
  row('flash', 'H200', 4, 237, 3.37, 8.42, 4550),
  row('flash', 'H100', 8, 200, 3.22, 6.76, 2260),
  row('pro', 'B200', 8, 333, 4.26, 9.95, 4148),
  row('pro', 'B300', 8, 266, 4.12, 12.25, 4435),
  row('pro', 'GB300', 4, 416, 4.47, 12.64, 2810),
  row('pro', 'H200', 8, 623, 5.64, 25.83, 572, ', bound by cache: some 15 requests')
]

/** Of exactly this setup; null when nobody published one. */
export function publishedSpeed (tier: Tier, accelerator: string, gpuCount: number): PublishedSpeed | null {
  return rows.find(entry => entry.tier === tier && entry.accelerator === accelerator && entry.gpuCount === gpuCount)?.speed ?? null
}
