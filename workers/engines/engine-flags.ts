/** The worker's flags that choose and set up an engine. A key is never a flag: other users of the machine can read those. */
import { availableParallelism } from 'node:os'
import type { EngineChoice } from './create-engine.js'
import type { ServedCheckpoint } from './remote/served-checkpoint.js'

export const engineFlagOptions = {
  engine: { type: 'string', default: 'v4' },
  checkpoint: { type: 'string' },
  ranks: { type: 'string', default: '1' },
  mode: { type: 'string', default: 'exact' },
  'context-tokens': { type: 'string' },
  script: { type: 'string' },
  url: { type: 'string' },
  model: { type: 'string' },
  'api-key-env': { type: 'string' },
  'start-ms': { type: 'string', default: '3600000' },
  thinking: { type: 'string', default: 'deepseek' },
  constraints: { type: 'string' },
  abort: { type: 'string' },
  'checkpoint-name': { type: 'string' },
  revision: { type: 'string', default: 'unknown' },
  'effort-ladder': { type: 'string', default: '0731' },
  'vocabulary-size': { type: 'string', default: '129280' },
  untrained: { type: 'boolean', default: false },
  path: { type: 'string' },
  'llama-from': { type: 'string' },
  threads: { type: 'string' },
  sequences: { type: 'string', default: '1' },
  'gpu-layers': { type: 'string' },
  'kv-type': { type: 'string', default: 'F16' }
} as const

export interface EngineFlags {
  engine: string
  checkpoint?: string | undefined
  ranks: string
  mode: string
  'context-tokens'?: string | undefined
  script?: string | undefined
  url?: string | undefined
  model?: string | undefined
  'api-key-env'?: string | undefined
  'start-ms': string
  thinking: string
  constraints?: string | undefined
  abort?: string | undefined
  'checkpoint-name'?: string | undefined
  revision: string
  'effort-ladder': string
  'vocabulary-size': string
  untrained: boolean
  path?: string | undefined
  'llama-from'?: string | undefined
  threads?: string | undefined
  sequences: string
  'gpu-layers'?: string | undefined
  'kv-type': string
}

const engines = ['v4', 'simulator', 'llama', 'llama-server', 'vllm', 'sglang', 'openai'] as const

/** @throws Error naming the flag at fault */
export function parseEngineFlags (values: EngineFlags, environment: NodeJS.ProcessEnv): EngineChoice {
  const engine = oneOf('engine', values.engine, engines)
  switch (engine) {
    case 'simulator': return { engine, scriptPath: values.script ?? null }
    case 'v4': return {
      engine,
      checkpointDirectory: required('checkpoint', values.checkpoint),
      ranks: wholeNumber('ranks', values.ranks),
      mode: oneOf('mode', values.mode, ['exact', 'qat_sim']),
      contextTokens: optionalNumber('context-tokens', values['context-tokens'])
    }
    case 'llama': return { engine, ...llamaOf(values) }
    case 'openai': return {
      engine,
      settings: {
        ...remoteOf(values, environment),
        thinkingStyle: oneOf('thinking', values.thinking, ['deepseek', 'template']),
        constraints: (values.constraints?.split(',') ?? []).map(word => oneOf('constraints', word, ['json', 'schema']))
      }
    }
    default: return { engine, settings: remoteOf(values, environment) }
  }
}

function remoteOf (values: EngineFlags, environment: NodeJS.ProcessEnv) {
  const url = required('url', values.url)
  if (!/^(https?:\/\/|unix:)/.test(url)) throw new Error(`--url must begin with http://, https:// or unix:, not ${url}`)
  const keyName = values['api-key-env']
  const apiKey = keyName === undefined ? null : environment[keyName]
  if (apiKey === undefined || apiKey === '') throw new Error(`--api-key-env names ${keyName}, which is not set`)
  return { url, apiKey, model: values.model ?? null, served: servedOf(values), startMs: wholeNumber('start-ms', values['start-ms']), abort: oneOf('abort', values.abort ?? 'safe', ['safe', 'drain', 'never']) }
}

function llamaOf (values: EngineFlags) {
  const served = servedOf(values)
  const from = values['llama-from']
  return {
    served,
    settings: {
      modelPath: required('path', values.path),
      moduleFolders: from === undefined ? [process.cwd(), import.meta.dirname] : [from],
      threads: optionalNumber('threads', values.threads) ?? availableParallelism(),
      contextTokens: wholeNumber('context-tokens', required('context-tokens', values['context-tokens'])),
      sequences: wholeNumber('sequences', values.sequences),
      gpuLayers: optionalNumber('gpu-layers', values['gpu-layers']),
      kvType: oneOf('kv-type', values['kv-type'], ['F16', 'F32']),
      batchTokens: 512
    }
  }
}

function servedOf (values: EngineFlags): ServedCheckpoint {
  return {
    name: required('checkpoint-name', values['checkpoint-name']),
    revision: values.revision,
    trained: !values.untrained,
    effortLadder: oneOf('effort-ladder', values['effort-ladder'], ['preview', '0731']),
    vocabularySize: wholeNumber('vocabulary-size', values['vocabulary-size']),
    contextTokens: optionalNumber('context-tokens', values['context-tokens'])
  }
}

export function required (flag: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`--${flag} is required`)
  return value
}

export function wholeNumber (flag: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${flag} must be a whole number, not ${text}`)
  return Number(text)
}

function optionalNumber (flag: string, text: string | undefined): number | null {
  return text === undefined ? null : wholeNumber(flag, text)
}

function oneOf<Word extends string> (flag: string, value: string, words: readonly Word[]): Word {
  const word = words.find(candidate => candidate === value)
  if (word === undefined) throw new Error(`--${flag} ${value} is not one of ${words.join(', ')}`)
  return word
}
