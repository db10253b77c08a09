import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type CheckpointInfo } from '../../../../../workers/engines/v4/checkpoint/checkpoint.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { type TensorSource, writeCheckpoint } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { tinyGoldenConfigKeys, tinyGoldenTensors, tinyGoldenValues } from './tiny-golden-weights.js'

const root = await mkdtemp(join(tmpdir(), 'checkpoint-'))
t.teardown(() => rm(root, { recursive: true }))
const tensors = tinyGoldenTensors()
const info: CheckpointInfo = { name: 'tiny', tier: 'flash', revision: '1', effortLadder: 'preview', trained: false, params: 1 }
let written = 0

async function write (shards: TensorSource[][], extra: { info?: CheckpointInfo } = {}): Promise<string> {
  const directory = join(root, String(written++))
  await writeCheckpoint(directory, { configKeys: tinyGoldenConfigKeys, shards, ...extra })
  return directory
}

const halves = [tensors.slice(0, 50), tensors.slice(50)]
const without = (name: string) => tensors.filter(tensor => tensor.name !== name)
const replaced = (name: string, change: Partial<TensorSource>) => tensors.map(tensor => tensor.name === name ? { ...tensor, ...change } : tensor)

await t.test('one file and several shards hold the same tensors', async t => {
  for (const shards of [[tensors], halves]) {
    const checkpoint = await openCheckpoint(await write(shards))
    t.equal(checkpoint.tensors.size, tensors.length)
    t.equal(checkpoint.info, null)
    for (const { name, shape } of tensors.slice(40, 60)) {
      const bytes = new Uint8Array(checkpoint.tensors.get(name)?.byteLength ?? 0)
      await checkpoint.read(name, bytes)
      t.same(new Float32Array(bytes.buffer), Float32Array.from(tinyGoldenValues(name, shape)))
    }
    await checkpoint.close()
  }
})

await t.test('a range of rows is read alone', async t => {
  const checkpoint = await openCheckpoint(await write(halves, { info }))
  t.same(checkpoint.info, info)
  const name = 'layers.2.attn.wo_b.weight'
  const whole = new Uint8Array(64 * 16 * 4)
  await checkpoint.read(name, whole)
  const rows = new Uint8Array(3 * 16 * 4)
  await checkpoint.read(name, rows, { begin: 61, end: 64 })
  t.same(rows, whole.subarray(61 * 64))
  await t.rejects(checkpoint.read(name, rows, { begin: 62, end: 65 }), /rows 62 to 65 of 64/)
  await t.rejects(checkpoint.read(name, rows), /the target holds 192 bytes, the rows take 4096/)
  await t.rejects(checkpoint.read('nothing', rows), /no tensor nothing/)
  await checkpoint.close()
  await t.rejects(checkpoint.read(name, whole), /closed/)
})

await t.test('missing, misshaped and unknown tensors are refused by name', async t => {
  const bias = 'layers.1.ffn.gate.bias'
  const faults: Array<[TensorSource[], RegExp]> = [
    [without(bias), /^layers\.1\.ffn\.gate\.bias is missing$/],
    [replaced(bias, { shape: [7], bytes: () => null }), /gate\.bias is F32 \[7\], expected F32 \[8\] or BF16 \[8\]/],
    [replaced(bias, { type: 'F8_E4M3', bytes: () => null }), /gate\.bias is F8_E4M3 \[8\], expected F32 \[8\] or BF16 \[8\]/],
    [replaced(bias, { name: 'layers.0.ffn.gate.bias' }), /layers\.1\.ffn\.gate\.bias is missing; layers\.0\.ffn\.gate\.bias is not part of this network/],
    [[...tensors, { name: 'layers.0.ffn.experts.8.w1.weight', type: 'F32', shape: [1], bytes: () => null }], /experts\.8\.w1\.weight is not part/],
    [replaced('layers.0.attn.wq_b.weight', { type: 'F8_E4M3', bytes: () => null }), /layers\.0\.attn\.wq_b\.scale is missing/],
    [tensors.slice(0, 3), /and \d+ more$/]
  ]
  for (const [list, message] of faults) await t.rejects(openCheckpoint(await write([list])), { name: 'CheckpointError', message })
})

await t.test('drafter tensors are recognised, quantised forms need their scales in shape', async t => {
  const name = 'layers.0.ffn.experts.0.w1'
  const quantised = (scale: number[]) => [
    ...without(`${name}.weight`),
    { name: `${name}.weight`, type: 'I8', shape: [32, 32], bytes: () => null },
    { name: `${name}.scale`, type: 'F8_E8M0', shape: scale, bytes: () => null },
    { name: 'mtp.0.enorm.weight', type: 'BF16', shape: [64], bytes: () => null }
  ] as TensorSource[]
  const checkpoint = await openCheckpoint(await write([quantised([32, 2])]))
  t.ok(checkpoint.tensors.has('mtp.0.enorm.weight'))
  await checkpoint.close()
  await t.rejects(openCheckpoint(await write([quantised([32, 1])])), /w1\.scale is F8_E8M0 \[32, 1\], expected F8_E8M0 \[32, 2\]/)
})

await t.test('damaged directories', async t => {
  await t.rejects(openCheckpoint(join(root, 'nowhere')), /has no config\.json/)
  const index = 'model.safetensors.index.json'
  const edit = async (file: string, change: (text: string) => string) => {
    const directory = await write(halves, { info })
    await writeFile(join(directory, file), change(await readFile(join(directory, file), 'utf8')))
    return openCheckpoint(directory)
  }
  await t.rejects(edit(index, text => text.replace('model-00002-of', 'model-00009-of')), /holds|does not hold|cannot open/)
  await t.rejects(edit(index, text => text.replace('"embed.weight"', '"embed.wight"')), /holds embed\.weight, which .* places in no file/)
  await t.rejects(edit(index, text => text.replace('"embed.weight"', '"more.weight": "model-00001-of-00002.safetensors", "embed.weight"')), /does not hold more\.weight/)
  await t.rejects(edit(index, text => text.replaceAll('model-00002', '../model-00002')), /not a plain file name/)
  await t.rejects(edit(index, () => '{'), /index\.json is not JSON/)
  await t.rejects(edit(index, () => '{}'), /weight_map/)
  await t.rejects(edit('gearbox.json', text => text.replace('flash', 'flush')), /gearbox\.json: tier/)
  const directory = await write(halves)
  await truncate(join(directory, 'model-00002-of-00002.safetensors'), 90_000)
  await t.rejects(openCheckpoint(directory), /model-00002-of-00002\.safetensors: the file is truncated/)
})
