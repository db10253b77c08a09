/** Logits of every position of a token sequence, by the same ranks that serve: what `gearbox logits` and tests use. */
import { CheckpointError } from './checkpoint/config.js'
import { openCheckpoint } from './checkpoint/open-checkpoint.js'
import { groupSettingOf, MAX_ROWS, type V4EngineOptions } from './engine-settings.js'
import { RankGroup } from './ranks/rank-group.js'

export interface LogitsRequest extends Pick<V4EngineOptions, 'ranks' | 'mode' | 'arithmetic' | 'kernels'> {
  readonly tokenIds: readonly number[]
  /** Tokens of one forward pass, at most and by default 64. */
  readonly chunk?: number
}

/**
 * @returns one row a position; positions beyond the checkpoint's context are computed too
 * @throws CheckpointError for a bad checkpoint, or a token id that it does not have
 */
export async function computeLogits (directory: string, { tokenIds, chunk = MAX_ROWS, ...options }: LogitsRequest): Promise<number[][]> {
  const checkpoint = await openCheckpoint(directory)
  await checkpoint.close()
  const { config } = checkpoint
  const strange = tokenIds.find(id => id >= config.vocabularySize)
  if (strange !== undefined) throw new CheckpointError(`token id ${strange} is outside the vocabulary of ${config.vocabularySize}`)
  const setting = groupSettingOf(directory, config, { ...options, maxRunning: 1 })
  const blocks = Math.ceil(Math.max(tokenIds.length, 1) / setting.blockTokens)
  const group = await RankGroup.start({ ...setting, contextTokens: blocks * setting.blockTokens, capacity: { slots: 1, blocks, snapshots: 0 } }, config)
  try {
    const logits = new Promise<number[][]>(resolve => {
      group.onReply = reply => { if (reply.type === 'logits') resolve(reply.logits) }
    })
    group.ask({ type: 'logits', id: 0, tokenIds, chunk })
    const outcome = await Promise.race([logits, group.failed])
    if (outcome instanceof Error) throw outcome
    return outcome
  } finally {
    await group.close()
  }
}
