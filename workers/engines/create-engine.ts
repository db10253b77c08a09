/** Turns the worker's flags into an engine. Each engine is loaded only when asked for. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from './engine.js'
import type { LlamaSettings } from './llama/llama-messages.js'
import type { OpenAiSettings } from './openai/openai-adapter.js'
import type { RemoteSettings, ServedCheckpoint } from './remote/served-checkpoint.js'
import type { Mode } from './v4/model/mode.js'

export type EngineChoice =
  | { engine: 'simulator', scriptPath: string | null }
  /** `contextTokens` null = what the checkpoint and the cache carry. */
  | { engine: 'v4', checkpointDirectory: string, ranks: number, mode: Mode, contextTokens: number | null }
  | { engine: 'llama', settings: LlamaSettings, served: ServedCheckpoint }
  | { engine: 'vllm' | 'sglang' | 'llama-server', settings: RemoteSettings }
  | { engine: 'openai', settings: OpenAiSettings }

/** Such a server may be somebody else's, and its list of models is all there is to ask for. */
const openAiPollMs = 30_000

/** @throws Error when the checkpoint or script cannot be read or is refused, or a remote engine is not ready in time */
export async function createEngine (choice: EngineChoice): Promise<Engine> {
  switch (choice.engine) {
    case 'simulator': return await createSimulator(choice.scriptPath)
    case 'llama': {
      const { LlamaEngine } = await import('./llama/llama-engine.js')
      return await LlamaEngine.open(choice.settings, choice.served)
    }
    case 'v4': {
      const { V4Engine } = await import('./v4/v4-engine.js')
      const { checkpointDirectory, ranks, mode, contextTokens } = choice
      return await V4Engine.open(checkpointDirectory, { ranks, mode, ...(contextTokens === null ? {} : { contextTokens }) })
    }
    default: return await createRemote(choice)
  }
}

async function createRemote (choice: Extract<EngineChoice, { engine: 'vllm' | 'sglang' | 'llama-server' | 'openai' }>): Promise<Engine> {
  const { RemoteEngine } = await import('./remote/remote-engine.js')
  const options = { abort: choice.settings.abort ?? 'safe' }
  switch (choice.engine) {
    case 'vllm': return new RemoteEngine(await (await import('./vllm/vllm-adapter.js')).VllmAdapter.open(choice.settings), options)
    case 'sglang': return new RemoteEngine(await (await import('./sglang/sglang-adapter.js')).SglangAdapter.open(choice.settings), options)
    case 'llama-server': return new RemoteEngine(await (await import('./llama-server/llama-server-adapter.js')).LlamaServerAdapter.open(choice.settings), options)
    case 'openai': return new RemoteEngine(await (await import('./openai/openai-adapter.js')).OpenAiAdapter.open(choice.settings), { ...options, pollMs: openAiPollMs })
  }
}

async function createSimulator (scriptPath: string | null): Promise<Engine> {
  const { SimulatorEngine } = await import('./simulator/simulator-engine.js')
  const { simulatorScriptSchema } = await import('./simulator/simulator-script.js')
  const script = simulatorScriptSchema.parse(scriptPath === null ? {} : JSON.parse(await readFile(scriptPath, 'utf8')))
  await sleep(script.startMs)
  return new SimulatorEngine(script)
}
