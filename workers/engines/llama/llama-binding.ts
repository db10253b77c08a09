/**
 * node-llama-cpp, as far as it is used here. It is not a dependency: whoever wants this engine installs it (some 600 MB
 * with its GPU builds), and it is found at run time.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

export interface LlamaModule {
  getLlama (options: { gpu: 'auto' | false, build: 'never', logLevel: 'error', maxThreads: number }): Promise<Llama>
  TokenBias: { for (model: LlamaModel): TokenBias }
}

export interface TokenBias {
  set (token: number, bias: { logit: number }): TokenBias
}

export interface Llama {
  loadModel (options: { modelPath: string, gpuLayers: number | 'auto', checkTensors: boolean }): Promise<LlamaModel>
  dispose (): Promise<void>
}

export interface LlamaModel {
  readonly fileInfo: { metadata: unknown }
  createContext (options: {
    contextSize: number
    sequences: number
    batchSize: number
    threads: number
    flashAttention: boolean
    experimentalKvCacheKeyType: 'F16' | 'F32'
    experimentalKvCacheValueType: 'F16' | 'F32'
  }): Promise<LlamaContext>
}

export interface LlamaContext {
  readonly contextSize: number
  getSequence (): LlamaSequence
}

export interface LlamaSequence {
  clearHistory (): Promise<void>
  evaluateWithoutGeneratingNewTokens (tokens: number[]): Promise<void>
  controlledEvaluate (input: Array<[number, { generateNext: GenerateNext }]>): Promise<Array<{ next: NextToken } | undefined>>
}

export interface GenerateNext {
  token: true
  logits?: { filter: { includeMax: true, includeSelected: true, includeTop: number } }
  totalLogitWeight?: true
  options: SamplingOptions
}

export interface SamplingOptions {
  temperature: number
  topK: number
  topP: number
  minP: number
  seed: number
  repeatPenalty?: { punishTokens: number[], maxPunishTokens: number, penalty: number, frequencyPenalty: number, presencePenalty: number }
  tokenBias?: TokenBias
}

export interface NextToken {
  token?: number | null
  /** Highest first. */
  logits?: Map<number, number>
  /** Sum of exp(logit - highest) over the vocabulary. */
  totalLogitWeight?: number
}

const packageName = 'node-llama-cpp'
const manifestSchema = z.object({ exports: z.object({ '.': z.object({ import: z.string() }) }) })

/**
 * Looks in node_modules of each folder and of the folders above it.
 * @throws Error that says what to install and where it was looked for
 */
export function findLlamaModule (folders: readonly string[]): URL {
  for (const folder of folders) {
    for (let parent = resolve(folder); ; parent = dirname(parent)) {
      const directory = join(parent, 'node_modules', packageName)
      const manifest = join(directory, 'package.json')
      if (existsSync(manifest)) {
        const { exports } = manifestSchema.parse(JSON.parse(readFileSync(manifest, 'utf8')))
        return pathToFileURL(join(directory, exports['.'].import))
      }
      if (parent === dirname(parent)) break
    }
  }
  throw new Error(`engine llama needs ${packageName}, which was not found from ${folders.join(' or ')}: run "npm install ${packageName}" in one of them, or name the folder where it is installed (--llama-from, llamaFrom)`)
}

export async function importLlamaModule (url: URL): Promise<LlamaModule> {
  // The shape is checked by using it: the package has no schema to parse against.
  return await import(url.href) as LlamaModule
}
