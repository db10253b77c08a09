/** Answer parts to the chunks of a text completion. Usage goes where the layout puts it in chat. */
import { errorEnvelope, type ErrorEnvelope, type GatewayError } from '../../errors.js'
import type { FinishedPart, ProgressPart } from '../answer.js'
import type { UsageLayout } from '../chat/chat-chunks.js'
import { chatUsage } from '../chat/chat-usage.js'
import { completionHead, textOf, type TextCompletion, type TextCompletionOptions } from './text-completion.js'
import { TextLogprobWriter, type TextLogprobs } from './text-logprobs.js'

export interface TextStreamOptions extends TextCompletionOptions {
  usageLayout: UsageLayout
  includesUsage: boolean
}

interface ChunkPart {
  choice: number
  text: string
  logprobs?: TextLogprobs | null
  finish?: string | null
}

export class TextStream {
  readonly form = 'chunks'
  readonly #options: TextStreamOptions
  readonly #writers: TextLogprobWriter[]

  constructor (options: TextStreamOptions) {
    this.#options = options
    this.#writers = Array.from({ length: options.choiceCount }, () => new TextLogprobWriter())
  }

  /** The prompts, where they are to be repeated. */
  first (): TextCompletion[] {
    const { echo } = this.#options
    return echo === null
      ? []
      : this.#writers.map((_, choice) => this.#chunk({ choice, text: echo(choice) }))
  }

  progress (part: ProgressPart): TextCompletion[] {
    const choice = part.choice ?? 0
    const logprobs = this.#writers[choice]?.write(part.logprobs?.content ?? []) ?? null
    const text = textOf(part)
    if (text === '' && logprobs === null && part.finish === undefined) return []
    return [this.#chunk({ choice, text, logprobs, finish: part.finish ?? null })]
  }

  finished (part: FinishedPart): TextCompletion[] {
    const { usageLayout, includesUsage } = this.#options
    const usage = chatUsage(part.usage, false)
    const last = this.#chunk({ choice: part.choice ?? 0, text: '', finish: part.finish })
    if (usageLayout !== 'openai') last.usage = usage
    if (usageLayout === 'deepseek' || !includesUsage) return [last]
    return [last, { ...last, choices: [], usage }]
  }

  failed (error: GatewayError, requestId: string): Array<TextCompletion & ErrorEnvelope> {
    return [{ ...this.#chunk({ choice: 0, text: '', finish: 'error' }), ...errorEnvelope(error, requestId) }]
  }

  #chunk ({ choice, text, logprobs = null, finish = null }: ChunkPart): TextCompletion {
    return {
      ...completionHead(this.#options.identity),
      choices: [{ text, index: choice, logprobs, finish_reason: finish }],
      ...(this.#options.includesUsage ? { usage: null } : {})
    }
  }
}
