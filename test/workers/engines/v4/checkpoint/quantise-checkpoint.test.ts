import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { computeLogits } from '../../../../../workers/engines/v4/compute-logits.js'
import { type Checkpoint, type CheckpointInfo } from '../../../../../workers/engines/v4/checkpoint/checkpoint.js'
import { expandRows } from '../../../../../workers/engines/v4/checkpoint/expand-rows.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { quantiseCheckpoint } from '../../../../../workers/engines/v4/checkpoint/quantise-checkpoint.js'
import { writeRandomCheckpoint } from '../../../../../workers/engines/v4/checkpoint/random-checkpoint.js'
import { writeTinyGolden } from './tiny-golden-weights.js'
import { writeWide } from './write-wide.js'

const root = t.testdir()
const info: CheckpointInfo = { name: 'small', tier: 'flash', revision: '1', effortLadder: '0731', trained: false, params: 1 }
const place = (name: string): string => join(root, name)

async function open (directory: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(directory)
  t.teardown(async () => { await checkpoint.close() })
  return checkpoint
}

/** Of a weight its values, whatever they are stored as; of a table its bytes. */
async function contents (checkpoint: Checkpoint, name: string): Promise<Buffer> {
  const { type, byteLength = 0, shape: [rows = 1] = [] } = checkpoint.tensors.get(name) ?? {}
  if (type !== 'I64') return Buffer.from((await expandRows(checkpoint, name, { begin: 0, end: rows })).buffer)
  const bytes = Buffer.alloc(byteLength)
  await checkpoint.read(name, bytes)
  return bytes
}

await writeRandomCheckpoint(place('random'), { tier: 'flash' })
await writeWide(place('random'), place('wide'), 'BF16')

await t.test('widened and quantised again, a checkpoint has the values it had, in 4 bits and in 8', async t => {
  const original = await open(place('random'))
  for (const bits of [4, 8] as const) {
    const told: string[] = []
    await quantiseCheckpoint(place('wide'), place(`again-${bits}`), { bits, info, onProgress: ({ name, done, total }) => { if (done < total) told.push(name) } })
    const again = await open(place(`again-${bits}`))
    t.same(again.info, info)
    t.same(again.config, original.config)
    const weights = [...original.tensors.values()].filter(({ type }) => type !== 'F8_E8M0')
    t.same(told.sort(), weights.map(({ name }) => name).sort())
    for (const { name, type } of weights) {
      // What is wide in the releases passed through BF16 on the way.
      if (type !== 'F32') t.ok((await contents(again, name)).equals(await contents(original, name)), name)
    }
    t.same(new Set([...again.tensors.values()].map(({ type }) => type)), new Set(['BF16', 'F32', 'F8_E4M3', 'F8_E8M0', 'I64', ...(bits === 4 ? ['I8'] : [])]))
    t.equal(again.tensors.get('layers.1.ffn.experts.0.w1.weight')?.type, bits === 4 ? 'I8' : 'F8_E4M3')
    const index = JSON.parse(await readFile(join(place(`again-${bits}`), 'model.safetensors.index.json'), 'utf8')) as { metadata: { total_size: number }, weight_map: Record<string, string> }
    t.equal(Object.keys(index.weight_map).length, again.tensors.size)
    t.equal(index.metadata.total_size, [...again.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0))
    t.same([...new Set(Object.values(index.weight_map))].sort(), ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'], 'as many files as the source')
    const keys = JSON.parse(await readFile(join(place(`again-${bits}`), 'config.json'), 'utf8')) as Record<string, unknown>
    t.match(keys, { expert_dtype: bits === 4 ? 'fp4' : 'fp8', quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } })
  }
})

await t.test('what is quantised already is not rounded a second time', async t => {
  await quantiseCheckpoint(place('random'), place('same'), { bits: 4, info })
  const [original, same] = [await open(place('random')), await open(place('same'))]
  for (const { name, type } of original.tensors.values()) {
    if (type === 'F8_E8M0') continue
    t.ok((await contents(same, name)).equals(await contents(original, name)), name)
  }
})

await t.test('8 bits keep the logits closer than 4', async t => {
  await writeTinyGolden(place('golden'))
  const tokenIds = Array.from({ length: 41 }, (_, i) => (7 * i + 3) % 32)
  const exact = (await computeLogits(place('golden'), { tokenIds })).flat()
  const distance = async (bits: 4 | 8): Promise<number> => {
    await quantiseCheckpoint(place('golden'), place(`golden-${bits}`), { bits, info })
    const logits = (await computeLogits(place(`golden-${bits}`), { tokenIds })).flat()
    return Math.sqrt(logits.reduce((sum, logit, i) => sum + (logit - (exact[i] ?? NaN)) ** 2, 0) / logits.length)
  }
  const [four, eight] = [await distance(4), await distance(8)]
  t.ok(eight > 0 && eight < four, `root mean squares ${eight} and ${four}`)
  t.ok(four < 0.5, 'of logits that are about 1')
})

await t.test('weights that are not finite are refused by name and place', async t => {
  for (const [value, word] of [[NaN, 'NaN'], [Infinity, 'Infinity']] as const) {
    const directory = place(`strange-${word}`)
    await writeWide(place('random'), directory, 'F32', (weight, index) => index === 65 ? value : weight)
    await t.rejects(quantiseCheckpoint(directory, place(`from-${word}`), { bits: 4, info }), { name: 'CheckpointError', message: new RegExp(`^embed\\.weight: ${word} in row 0, column 65$`) })
  }
  await t.rejects(quantiseCheckpoint(place('nowhere'), place('from-nowhere'), { bits: 4, info }), { name: 'CheckpointError', message: /has no config\.json/ })
})
