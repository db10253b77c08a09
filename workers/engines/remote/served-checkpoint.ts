import type { EngineDescription } from '../../contract/description.js'

/** What a remote engine serves, as its worker's settings say: engines name a path or an alias, not a revision or a ladder. */
export interface ServedCheckpoint {
  name: string
  revision: string
  trained: boolean
  effortLadder: 'preview' | '0731'
  vocabularySize: number
  /** null = what the engine says. */
  contextTokens: number | null
}

export interface RemoteSettings {
  url: string
  /** The engine's own name of the model; null = the only or first one it lists. */
  model: string | null
  apiKey: string | null
  served: ServedCheckpoint
  /** How long the engine may take to be ready: loading Pro's weights takes minutes to an hour. */
  startMs: number
  /** Whether it bears that jobs are aborted; absent = it does. */
  abort?: 'safe' | 'drain' | 'never'
}

export function describeServed (engine: string, served: ServedCheckpoint, engineContextTokens: number | null, capabilities: EngineDescription['capabilities']): EngineDescription {
  const { name, revision, trained, effortLadder, vocabularySize } = served
  const contextTokens = Math.min(served.contextTokens ?? Infinity, engineContextTokens ?? Infinity)
  if (contextTokens === Infinity) throw new Error(`the engine does not say how long its context is: give --context-tokens for ${name}`)
  return { engine, checkpoint: { name, revision, trained, effortLadder, vocabularySize, parameters: null }, contextTokens, capabilities, ranks: null }
}
