/** A worker of the settings as flags of the worker process. */
import type { CheckpointCard } from './checkpoint-card.js'
import type { EngineWorkerConfig } from './tier-schema.js'

/** An engine that is not ours. */
export type ForeignWorkerConfig = Exclude<EngineWorkerConfig, { engine: 'v4' }>

/** @param vocabularySize tokens of the checkpoint's tokenizer, so that an engine with another model is noticed */
export function engineWorkerFlags (worker: ForeignWorkerConfig, card: CheckpointCard, vocabularySize: number): string[] {
  return [
    ...engineFlags(worker),
    ...flags({
      'checkpoint-name': card.name,
      revision: card.revision,
      'effort-ladder': card.effortLadder,
      'vocabulary-size': vocabularySize
    }),
    ...(card.trained ? [] : ['--untrained'])
  ]
}

function engineFlags (worker: ForeignWorkerConfig): string[] {
  if (worker.engine === 'llama') {
    return flags({
      path: worker.path,
      'context-tokens': worker.contextTokens,
      sequences: worker.sequences,
      'kv-type': worker.kvType,
      threads: worker.threads,
      'gpu-layers': worker.gpuLayers,
      'llama-from': worker.llamaFrom
    })
  }
  return flags({
    url: worker.url,
    'start-ms': worker.startMs,
    model: worker.model,
    'api-key-env': worker.apiKeyEnv,
    abort: worker.abort === 'safe' ? undefined : worker.abort,
    thinking: worker.engine === 'openai' ? worker.thinking : undefined,
    constraints: worker.engine === 'openai' && worker.enforces.length > 0 ? worker.enforces.join(',') : undefined
  })
}

function flags (values: Record<string, string | number | undefined>): string[] {
  return Object.entries(values).flatMap(([name, value]) => value === undefined ? [] : [`--${name}`, String(value)])
}
