/** Turns the worker's flags into an engine. Each engine is loaded only when asked for. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from './engine.js'
import type { Mode } from './v4/model/mode.js'

export type EngineChoice =
  | { engine: 'simulator', scriptPath: string | null }
  /** `contextTokens` null = what the checkpoint and the cache carry. */
  | { engine: 'v4', checkpointDirectory: string, ranks: number, mode: Mode, contextTokens: number | null }

/** @throws Error when the checkpoint or script cannot be read or is refused */
export async function createEngine (choice: EngineChoice): Promise<Engine> {
  if (choice.engine === 'simulator') return await createSimulator(choice.scriptPath)
  const { V4Engine } = await import('./v4/v4-engine.js')
  const { checkpointDirectory, ranks, mode, contextTokens } = choice
  return await V4Engine.open(checkpointDirectory, { ranks, mode, ...(contextTokens === null ? {} : { contextTokens }) })
}

async function createSimulator (scriptPath: string | null): Promise<Engine> {
  const { SimulatorEngine } = await import('./simulator/simulator-engine.js')
  const { simulatorScriptSchema } = await import('./simulator/simulator-script.js')
  const script = simulatorScriptSchema.parse(scriptPath === null ? {} : JSON.parse(await readFile(scriptPath, 'utf8')))
  await sleep(script.startMs)
  return new SimulatorEngine(script)
}
