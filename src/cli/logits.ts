/**
 * `gearbox logits`: what a checkpoint computes for given tokens, one row of logits a position, as one line of JSON.
 *
 * For comparing engines, so by default the reference arithmetic (float64): a value near a rounding boundary of `qat_sim`
 * falls on the same side as in any other careful implementation. `--arithmetic f32` shows what serving computes.
 */
import { parseArgs } from 'node:util'
import { computeLogits } from '../../workers/engines/v4/compute-logits.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { ranksFlag, requiredFlag, wholeFlag, withCheckpoint, wordFlag } from './engine-flags.js'

/** @throws CliInputError naming the flag at fault */
export async function runLogits (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      checkpoint: { type: 'string' },
      tokens: { type: 'string' },
      mode: { type: 'string', default: 'exact' },
      ranks: { type: 'string', default: '1' },
      chunk: { type: 'string' },
      arithmetic: { type: 'string', default: 'f64' }
    },
    allowPositionals: false
  })
  const directory = requiredFlag('checkpoint', values.checkpoint)
  const request = {
    tokenIds: tokenIdsOf(requiredFlag('tokens', values.tokens)),
    mode: wordFlag('mode', values.mode, ['exact', 'qat_sim']),
    ranks: ranksFlag(values.ranks),
    arithmetic: wordFlag('arithmetic', values.arithmetic, ['f32', 'f64']),
    ...(values.chunk === undefined ? {} : { chunk: wholeFlag('chunk', values.chunk, 1) })
  }
  const logits = await withCheckpoint(directory, async () => await computeLogits(directory, request))
  io.write(`${JSON.stringify({ logits })}\n`)
}

function tokenIdsOf (text: string): number[] {
  return text.split(',').map(part => {
    if (!/^\s*\d+\s*$/.test(part)) throw new CliInputError(`--tokens must be token ids with commas between them; ${JSON.stringify(part)} is none`)
    return Number(part)
  })
}
