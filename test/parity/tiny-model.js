/** The same random weights as a checkpoint of ours and as a GGUF file, and jobs for them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeV4Gguf } from '../../dist/workers/engines/llama/gguf/v4-gguf.js'
import { openCheckpoint } from '../../dist/workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeRandomCheckpoint } from '../../dist/workers/engines/v4/checkpoint/random-checkpoint.js'

export const served = { name: 'flash-noise', revision: 'random-1', trained: false, effortLadder: '0731', vocabularySize: 268, contextTokens: null }

/** @param names whether tokens get their texts; without, all are empty, so that noise is valid UTF-8 */
export async function writeModel (directory, { names } = { names: true }) {
  const checkpointDirectory = join(directory, 'checkpoint')
  await writeRandomCheckpoint(checkpointDirectory, { tier: 'flash' })
  const gguf = join(directory, 'model.gguf')
  const checkpoint = await openCheckpoint(checkpointDirectory)
  await writeV4Gguf(checkpoint, gguf, { weights: 'f32', tokenizerJson: names ? readFileSync(join(checkpointDirectory, 'tokenizer.json'), 'utf8') : null })
  await checkpoint.close()
  return { checkpointDirectory, gguf }
}

export function jobOf (text, sampling = {}) {
  return {
    requestId: 'request-1',
    attempt: 1,
    tier: 'flash',
    checkpoint: 'flash-noise',
    tokenIds: [0, ...Array.from(Buffer.from(text), byte => 12 + byte)],
    sampling: { temperature: 0, topP: 1, maxTokens: 24, stopTokenIds: [1], ...sampling }
  }
}

export async function answerOf (engine, job, signal = new AbortController().signal) {
  const events = []
  for await (const event of engine.generate(job, signal)) events.push(event)
  return events
}

export function idsOf (events) {
  return events.flatMap(event => event.type === 'tokens' ? event.ids : [])
}
