/**
 * What the gateway must know of a checkpoint to speak its language: read from the checkpoint's directory, where the
 * weights need not be (a gateway in front of remote workers keeps only these small files), or said in the settings.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { TokenizerSource } from '../language/tokenizer/load-tokenizer.js'
import { ConfigError } from './config-error.js'
import type { TierConfig } from './tier-schema.js'

const gearboxFileSchema = z.object({
  name: z.string().min(1),
  tier: z.enum(['flash', 'pro']),
  revision: z.string().min(1),
  effortLadder: z.enum(['preview', '0731']),
  trained: z.boolean()
})

const configFileSchema = z.object({ max_position_embeddings: z.int().min(1) })

export interface CheckpointCard extends z.infer<typeof gearboxFileSchema> {
  tokenizer: TokenizerSource
  /** Prompt and completion together. */
  contextTokens: number
}

/** @throws ConfigError naming the file at fault */
export function readCheckpointCard (tier: CheckpointCard['tier'], source: TierConfig['checkpoint']): CheckpointCard {
  if (typeof source !== 'string') return { ...source, tier, trained: true }
  const card = readJson(join(source, 'gearbox.json'), gearboxFileSchema)
  const { max_position_embeddings: contextTokens } = readJson(join(source, 'config.json'), configFileSchema)
  return { ...card, tokenizer: { directory: source }, contextTokens }
}

function readJson<T> (path: string, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const outcome = schema.safeParse(value)
  if (outcome.success) return outcome.data
  throw new ConfigError(outcome.error.issues.map(issue => `${path}: ${issue.path.join('.')}: ${issue.message}`).join('\n'))
}
