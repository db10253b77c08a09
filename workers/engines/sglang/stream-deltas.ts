import { brokenStream } from '../remote/engine-fault.js'
import type { SglangChunk } from './sglang-wire.js'

/**
 * SGLang repeats the whole answer in every chunk unless it was started with --incremental-streaming-output; then chunks
 * are deltas. `completion_tokens` says which ids a chunk must account for, so that a dropped chunk is noticed.
 */
export class StreamDeltas {
  readonly #isIncremental: boolean
  #seen = 0

  constructor ({ isIncremental }: { isIncremental: boolean }) {
    this.#isIncremental = isIncremental
  }

  /**
   * The chunk as a delta.
   * @throws EngineFault when ids are missing
   */
  take (chunk: SglangChunk): SglangChunk {
    const from = this.#isIncremental ? 0 : this.#seen
    const { output_ids: ids, meta_info: meta } = chunk
    const fresh = ids.slice(from)
    this.#seen += fresh.length
    // The stop token is counted; whether it is listed depends on the version.
    const slack = meta.finish_reason === null ? 0 : 1
    if (this.#seen > meta.completion_tokens || this.#seen < meta.completion_tokens - slack) {
      throw brokenStream(`SGLang counts ${meta.completion_tokens} tokens and sent ${this.#seen}`)
    }
    return {
      output_ids: fresh,
      meta_info: {
        ...meta,
        output_token_logprobs: meta.output_token_logprobs?.slice(from),
        output_top_logprobs: meta.output_top_logprobs?.slice(from)
      }
    }
  }
}
