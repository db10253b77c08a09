/** `gearbox generate`: an answer from a checkpoint, streamed to the terminal, without a server. */
import { parseArgs } from 'node:util'
import type { FailEvent, JobEvent } from '../../workers/contract/event.js'
import type { Job, Sampling } from '../../workers/contract/job.js'
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'
import type { AnswerReader } from '../language/checkpoint-language.js'
import { beginOfSentence, endOfSentence } from '../language/control-tokens.js'
import type { Effort, EffortLadder } from '../language/conversation.js'
import type { AnswerEvent } from '../language/parse/answer-event.js'
import { openAnswerReader } from '../language/answer-reader.js'
import { renderConversation } from '../language/render/render-conversation.js'
import type { RenderedPrompt } from '../language/render/rendered-prompt.js'
import { loadTokenizer } from '../language/tokenizer/load-tokenizer.js'
import type { Tokenizer } from '../language/tokenizer/tokenizer.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { numberFlag, ranksFlag, requiredFlag, wholeFlag, withCheckpoint, wordFlag } from './engine-flags.js'

interface GenerateFlags {
  directory: string
  prompt: string
  effort: Effort
  /** The prompt is continued as it stands, without chat markup. */
  isRaw: boolean
  ranks: number
  sampling: Omit<Sampling, 'stopTokenIds'>
}

/** @throws CliInputError naming the flag at fault */
export async function runGenerate (argv: string[], io: CliIo): Promise<void> {
  const flags = parseFlags(argv)
  const tokenizer = openTokenizer(flags.directory)
  const engine = await withCheckpoint(flags.directory, async () => await V4Engine.open(flags.directory, { ranks: flags.ranks, maxRunning: 1 }))
  try {
    const { checkpoint } = engine.describe()
    const prompt = promptOf(flags, checkpoint.effortLadder)
    const reader = openAnswerReader(tokenizer, prompt, { tools: [], stopStrings: [], allowsParallelToolCalls: true })
    const job = jobOf(flags, checkpoint.name, tokenizer, prompt)
    await printAnswer(engine.generate(job, new AbortController().signal), reader, io)
  } finally {
    await engine.close()
  }
}

function parseFlags (argv: string[]): GenerateFlags {
  const { values, positionals } = parseArgs({
    args: argv,
    options: {
      checkpoint: { type: 'string' },
      'max-tokens': { type: 'string', default: '512' },
      temperature: { type: 'string', default: '0' },
      'top-p': { type: 'string', default: '1' },
      seed: { type: 'string' },
      effort: { type: 'string', default: 'none' },
      raw: { type: 'boolean', default: false },
      ranks: { type: 'string', default: '1' }
    },
    allowPositionals: true
  })
  const [prompt, ...others] = positionals
  if (prompt === undefined || others.length > 0) throw new CliInputError('expected one prompt, in quotes')
  const topP = numberFlag('top-p', values['top-p'], 0)
  if (topP === 0 || topP > 1) throw new CliInputError(`--top-p must be above 0 and at most 1, not ${topP}`)
  return {
    directory: requiredFlag('checkpoint', values.checkpoint),
    prompt,
    effort: wordFlag('effort', values.effort, ['none', 'low', 'high', 'max']),
    isRaw: values.raw,
    ranks: ranksFlag(values.ranks),
    sampling: {
      temperature: numberFlag('temperature', values.temperature, 0),
      topP,
      maxTokens: wholeFlag('max-tokens', values['max-tokens'], 1),
      ...(values.seed === undefined ? {} : { seed: wholeFlag('seed', values.seed, 0) })
    }
  }
}

function openTokenizer (directory: string): Tokenizer {
  try {
    return loadTokenizer({ directory })
  } catch (error) {
    throw new CliInputError(`--checkpoint ${directory}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function promptOf ({ prompt, effort, isRaw }: GenerateFlags, ladder: EffortLadder): RenderedPrompt {
  if (isRaw) {
    return { pieces: [{ kind: 'template', text: beginOfSentence }, { kind: 'data', text: prompt }], start: 'content', isContinuation: true }
  }
  const messages = [{ role: 'user' as const, content: prompt }]
  return renderConversation({ messages, tools: [], toolChoice: { kind: 'auto' }, allowsParallelToolCalls: true, responseFormat: null }, { effort, ladder })
}

function jobOf ({ sampling }: GenerateFlags, checkpoint: string, tokenizer: Tokenizer, prompt: RenderedPrompt): Job {
  const end = tokenizer.idOfControl(endOfSentence)
  return {
    requestId: 'generate',
    attempt: 1,
    // The engine does not look at the tier; hosts do.
    tier: 'flash',
    checkpoint,
    tokenIds: tokenizer.encodePieces(prompt.pieces),
    sampling: { ...sampling, stopTokenIds: end === undefined ? [] : [end] }
  }
}

/** Text goes out as it comes, reasoning to stderr, as is how it ended. */
async function printAnswer (events: AsyncGenerator<JobEvent, void, undefined>, reader: AnswerReader, io: CliIo): Promise<void> {
  const began = performance.now()
  for await (const event of events) {
    if (event.type === 'tokens') printText(reader.push(event.ids), io)
    if (event.type === 'fail') throw failureOf(event)
    if (event.type !== 'done') continue
    printText(reader.end(event.finish === 'length' ? 'length' : 'stop'), io)
    const seconds = (performance.now() - began) / 1000
    const counts = event.usage === null ? 'uncounted' : `${event.usage.promptTokens} + ${event.usage.completionTokens}`
    io.write('\n')
    io.writeError(`${event.finish}: ${counts} tokens in ${seconds.toFixed(2)} s\n`)
  }
}

function failureOf ({ code, message, blame }: FailEvent): Error {
  return blame === 'request' ? new CliInputError(message) : new Error(`${code}: ${message}`)
}

function printText (events: readonly AnswerEvent[], io: CliIo): void {
  for (const event of events) {
    if (event.type === 'content') io.write(event.text)
    if (event.type === 'reasoning') io.writeError(event.text)
  }
}
