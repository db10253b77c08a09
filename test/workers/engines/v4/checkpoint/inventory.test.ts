import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readV4Config } from '../../../../../workers/engines/v4/checkpoint/config.js'
import { isDrafterTensor } from '../../../../../workers/engines/v4/checkpoint/inventory.js'
import { openCheckpoint } from '../../../../../workers/engines/v4/checkpoint/open-checkpoint.js'
import { writeCheckpoint } from '../../../../../workers/engines/v4/checkpoint/write-checkpoint.js'
import { officialShards, releases } from './official-releases.js'

const root = await mkdtemp(join(tmpdir(), 'inventory-'))
t.teardown(() => rm(root, { recursive: true }))

for (const release of releases) {
  await t.test(`the headers of ${release.name} sum to the published totals`, async t => {
    const directory = join(root, release.name)
    const config = readV4Config(JSON.stringify(release.configKeys))
    await writeCheckpoint(directory, { configKeys: release.configKeys, shards: officialShards(config, release) })
    const checkpoint = await openCheckpoint(directory)
    const tensors = [...checkpoint.tensors.values()]
    await checkpoint.close()
    const sum = (list: typeof tensors) => list.reduce((total, { byteLength }) => total + byteLength, 0)
    t.equal(tensors.length, release.tensorCount)
    t.equal(sum(tensors), release.totalBytes)
    t.equal(sum(tensors.filter(({ name }) => !isDrafterTensor(name))), release.backboneBytes)
    t.equal(sum(tensors.filter(({ name }) => /^layers\..*\.experts\./.test(name))), release.expertBytes)
    t.equal(new Set(tensors.map(({ file }) => file)).size, release.shardCount)
    await rm(directory, { recursive: true })
  })
}
