/** The real engine on the trained weights, asked at a temperature at which only the grammar holds an answer together. */
import { createCheckpointLanguage } from '../../../../../src/language/create-checkpoint-language.js'
import { loadTokenizer } from '../../../../../src/language/tokenizer/load-tokenizer.js'
import type { JobEvent } from '../../../../../workers/contract/event.js'
import { type Constraint, type Job, jobSchema } from '../../../../../workers/contract/job.js'
import { V4Engine } from '../../../../../workers/engines/v4/v4-engine.js'
import { checkpoint } from './run-grammar.js'

export interface Outcome {
  ids: number[]
  /** Bytes of the ids, control tokens by their names. */
  text: string
  finish: 'stop' | 'length' | 'abort' | null
  fail: Extract<JobEvent, { type: 'fail' }> | null
}

export interface Asking {
  constraint: Constraint
  seed: number
  prompt?: number[]
  overrides?: Partial<Job>
  sampling?: Partial<Job['sampling']>
}

export async function startEngine (directory = checkpoint) {
  const engine = await V4Engine.open(directory, { contextTokens: 2048 })
  const tokenizer = loadTokenizer({ directory })
  const language = createCheckpointLanguage({ tokenizer, ladder: engine.describe().checkpoint.effortLadder })
  const ask = async ({ constraint, seed, prompt = [language.endOfSentenceId, 20, 30, 40], overrides = {}, sampling = {} }: Asking): Promise<Outcome> => {
    const job = jobSchema.parse({
      requestId: 'request',
      attempt: 1,
      tier: 'flash',
      checkpoint: engine.describe().checkpoint.name,
      tokenIds: prompt,
      constraint,
      sampling: { temperature: 1.5, topP: 1, maxTokens: 300, stopTokenIds: [language.endOfSentenceId], seed, ...sampling },
      ...overrides
    })
    const events: JobEvent[] = []
    for await (const event of engine.generate(job, new AbortController().signal)) events.push(event)
    const ids = events.flatMap(event => event.type === 'tokens' ? event.ids : [])
    const last = events.at(-1)
    return {
      ids,
      text: new TextDecoder().decode(Uint8Array.from(ids.flatMap(id => [...tokenizer.bytesOf(id)]))),
      finish: last?.type === 'done' ? last.finish : null,
      fail: last?.type === 'fail' ? last : null
    }
  }
  return { language, ask, close: async () => { await Promise.all([engine.close(), language.close()]) } }
}
