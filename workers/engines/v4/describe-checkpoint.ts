/** What a worker says about the checkpoint it serves. */
import { basename, resolve } from 'node:path'
import { type EngineDescription } from '../../contract/description.js'
import { type Checkpoint, type TensorLocation } from './checkpoint/checkpoint.js'
import { keptConstraints } from './constraints/constraint-grammar.js'
import { isDrafterTensor } from './checkpoint/inventory.js'
import { type GroupSetting } from './ranks/rank-messages.js'

/** A directory without gearbox.json is taken for an official release, trained, with the first effort ladder. */
export function describeCheckpoint (checkpoint: Checkpoint, directory: string, { contextTokens, rankCount }: GroupSetting): EngineDescription {
  const { config, info } = checkpoint
  return {
    engine: 'v4',
    checkpoint: {
      name: info?.name ?? basename(resolve(directory)),
      revision: info?.revision ?? 'unknown',
      trained: info?.trained ?? true,
      effortLadder: info?.effortLadder ?? 'preview',
      vocabularySize: config.vocabularySize,
      parameters: countParameters(checkpoint.tensors.values())
    },
    contextTokens,
    capabilities: { tokenIds: true, resume: true, constrainedResume: true, logprobs: true, seed: true, constraints: [...keptConstraints] },
    ranks: rankCount
  }
}

/** Weights of the network itself: neither scales nor tables nor the drafter. */
export function countParameters (tensors: Iterable<TensorLocation>): number {
  let count = 0
  for (const { name, type, shape } of tensors) {
    if (isDrafterTensor(name) || type === 'F8_E8M0' || type === 'I64' || type === 'I32') continue
    const isPacked = type === 'I8' || type === 'U8'
    count += shape.reduce((product, axis) => product * axis, isPacked ? 2 : 1)
  }
  return count
}
