/**
 * `gearbox quantize`: a BF16 (or F32) checkpoint in the layout of the releases, FP4 experts and FP8 linears, or FP8 for
 * both. With a text, the loss before and after.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { CheckpointInfo } from '../../workers/engines/v4/checkpoint/checkpoint.js'
import { openCheckpoint } from '../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type ExpertBits, quantiseCheckpoint } from '../../workers/engines/v4/checkpoint/quantise-checkpoint.js'
import { countParameters } from '../../workers/engines/v4/describe-checkpoint.js'
import { measureLoss } from '../../workers/engines/v4/measure-loss.js'
import { loadTokenizer } from '../language/tokenizer/load-tokenizer.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { requiredFlag, withCheckpoint, wordFlag } from './engine-flags.js'

const tokenizerFile = 'tokenizer.json'
const progressEveryMs = 1000

interface QuantizeFlags {
  checkpoint: string
  out: string
  bits: ExpertBits
  text: string | null
  name: string | undefined
  tier: 'pro' | 'flash' | undefined
}

/** @throws CliInputError naming the flag at fault */
export async function runQuantize (argv: string[], io: CliIo): Promise<void> {
  const flags = parseFlags(argv)
  const tokenizerJson = await readFlagFile('checkpoint', join(flags.checkpoint, tokenizerFile))
  const textIds = flags.text === null ? null : await tokenIdsOf(flags.checkpoint, flags.text)
  const info = await withCheckpoint(flags.checkpoint, async () => await infoOf(flags))
  await assertFree(flags.out)
  await mkdir(flags.out, { recursive: true })
  try {
    await withCheckpoint(flags.checkpoint, async () => { await quantiseCheckpoint(flags.checkpoint, flags.out, { bits: flags.bits, info, onProgress: progressTo(io) }) })
    await writeFile(join(flags.out, tokenizerFile), tokenizerJson)
  } catch (error) {
    // Half a checkpoint would be taken for a whole one.
    await rm(flags.out, { recursive: true })
    throw error
  }
  const sizes = { source: await weightBytes(flags.checkpoint), result: await weightBytes(flags.out) }
  io.write(`${flags.out}: ${megabytes(sizes.result)}, ${(sizes.result / sizes.source * 100).toFixed(1)} % of ${megabytes(sizes.source)}\n`)
  if (textIds !== null) await reportLoss(flags, textIds, io)
}

function parseFlags (argv: string[]): QuantizeFlags {
  const { values } = parseArgs({
    args: argv,
    options: {
      checkpoint: { type: 'string' },
      out: { type: 'string' },
      bits: { type: 'string', default: '4' },
      text: { type: 'string' },
      name: { type: 'string' },
      tier: { type: 'string' }
    },
    allowPositionals: false
  })
  return {
    checkpoint: requiredFlag('checkpoint', values.checkpoint),
    out: requiredFlag('out', values.out),
    bits: wordFlag('bits', values.bits, ['4', '8']) === '4' ? 4 : 8,
    text: values.text ?? null,
    name: values.name,
    tier: values.tier === undefined ? undefined : wordFlag<'pro' | 'flash'>('tier', values.tier, ['pro', 'flash'])
  }
}

/** What gearbox.json of the new checkpoint says: what that of the old one did, the revision marked. */
async function infoOf ({ checkpoint: directory, bits, name, tier }: QuantizeFlags): Promise<CheckpointInfo> {
  const checkpoint = await openCheckpoint(directory)
  await checkpoint.close()
  const { info } = checkpoint
  const tierOfInfo = tier ?? info?.tier
  if (tierOfInfo === undefined) throw new CliInputError(`${directory} has no gearbox.json: say --tier pro or --tier flash`)
  return {
    name: name ?? info?.name ?? basename(resolve(directory)),
    tier: tierOfInfo,
    revision: `${info?.revision ?? 'unknown'}-${bits}bit`,
    effortLadder: info?.effortLadder ?? 'preview',
    trained: info?.trained ?? true,
    params: countParameters(checkpoint.tensors.values())
  }
}

async function assertFree (directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: unknown): string[] => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new CliInputError(`--out ${directory}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  })
  if (entries.length > 0) throw new CliInputError(`--out ${directory} is not empty`)
}

async function readFlagFile (flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CliInputError(`--${flag}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function progressTo (io: CliIo): (progress: { name: string, done: number, total: number }) => void {
  let told = 0
  return ({ name, done, total }) => {
    const now = performance.now()
    if (done > 0 && now - told < progressEveryMs) return
    told = now
    io.writeError(`${String(Math.floor(done / total * 100)).padStart(3)} % ${name}\n`)
  }
}

async function tokenIdsOf (directory: string, path: string): Promise<number[]> {
  const text = await readFlagFile('text', path)
  const tokenIds = loadTokenizer({ directory }).encode(text)
  if (tokenIds.length === 0) throw new CliInputError(`--text ${path} is empty`)
  return tokenIds
}

async function reportLoss ({ checkpoint, out }: QuantizeFlags, tokenIds: readonly number[], io: CliIo): Promise<void> {
  const before = await measureLoss(checkpoint, tokenIds)
  const after = await measureLoss(out, tokenIds)
  const change = after.crossEntropy - before.crossEntropy
  io.write([
    `loss over ${before.tokens} tokens, in nats a token (perplexity)`,
    `  before ${before.crossEntropy.toFixed(4)} (${before.perplexity.toFixed(3)})`,
    `  after  ${after.crossEntropy.toFixed(4)} (${after.perplexity.toFixed(3)}), ${change < 0 ? '' : '+'}${change.toFixed(4)}`,
    ''
  ].join('\n'))
}

async function weightBytes (directory: string): Promise<number> {
  const files = (await readdir(directory)).filter(file => file.endsWith('.safetensors'))
  const sizes = await Promise.all(files.map(async file => (await stat(join(directory, file))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function megabytes (bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
