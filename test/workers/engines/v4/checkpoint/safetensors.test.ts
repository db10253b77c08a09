import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readSafetensorsHeader, writeSafetensorsHeader } from '../../../../../workers/engines/v4/checkpoint/safetensors.js'

const directory = await mkdtemp(join(tmpdir(), 'safetensors-'))
t.teardown(() => rm(directory, { recursive: true }))

async function readFileOf (bytes: Uint8Array) {
  const path = join(directory, 'model.safetensors')
  await writeFile(path, bytes)
  const handle = await open(path)
  try {
    return await readSafetensorsHeader(handle, 'model.safetensors')
  } finally {
    await handle.close()
  }
}

function fileOf (header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}

const pair = (dtype: string, shape: number[], begin: number, end: number) => ({ dtype, shape, data_offsets: [begin, end] })

await t.test('a written header reads back, whatever the types', async t => {
  const tensors = [
    { name: 'a', type: 'F8_E4M3', shape: [3, 5] },
    { name: 'b', type: 'F8_E8M0', shape: [1, 1] },
    { name: 'c', type: 'I64', shape: [2] },
    { name: 'd', type: 'BF16', shape: [] },
    { name: 'e', type: 'F32', shape: [0, 4] },
    { name: 'f', type: 'I8', shape: [4] }
  ] as const
  const header = writeSafetensorsHeader(tensors)
  const read = await readFileOf(Buffer.concat([header, Buffer.alloc(15 + 1 + 16 + 2 + 4)]))
  t.equal(header.length % 8, 0)
  t.match(read, tensors)
  t.same(read.map(({ position }) => position - header.length), [0, 15, 16, 32, 34, 34])
})

await t.test('metadata is passed over and order in the header does not matter', async t => {
  const read = await readFileOf(fileOf({ __metadata__: { format: 'pt' }, b: pair('F32', [2], 4, 12), a: pair('F32', [1], 0, 4) }, 12))
  t.same(read.map(({ name }) => name), ['b', 'a'])
})

await t.test('damage is refused with the tensor or the file by name', async t => {
  const faults: Array<[Uint8Array, RegExp]> = [
    [Buffer.alloc(3), /truncated/],
    [fileOf('{', 0), /not a safetensors file/],
    [fileOf('{ "a"', 0), /not a JSON object/],
    [fileOf('[1, 2]', 0), /not a JSON object/],
    [Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 255, 255, 0]), Buffer.alloc(20)]), /not a safetensors file/],
    [fileOf({ a: pair('F32', [2], 0, 8) }, 7), /truncated: /],
    [fileOf({ a: pair('F32', [2], 0, 8) }, 9), /1 unused bytes after the last tensor/],
    [fileOf({ a: pair('F32', [2], 0, 8), b: pair('F32', [1], 4, 8) }, 8), /b overlaps/],
    [fileOf({ a: pair('F32', [2], 0, 8), b: pair('F32', [1], 12, 16) }, 16), /4 unused bytes before b/],
    [fileOf({ a: pair('F32', [2], 0, 4) }, 4), /a: 4 bytes, but F32 \[2\] takes 8/],
    [fileOf({ a: pair('F64', [2], 0, 16) }, 16), /a: dtype/],
    [fileOf({ a: pair('F32', [-2], 0, 8) }, 8), /a: shape/],
    [fileOf({ a: { dtype: 'F32', shape: [1] } }, 4), /a: data_offsets/],
    [fileOf({ a: 3 }, 0), /a: /]
  ]
  for (const [bytes, message] of faults) {
    await t.rejects(readFileOf(bytes), { name: 'CheckpointError', message })
  }
})
