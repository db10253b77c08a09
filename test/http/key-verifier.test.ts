import { createHash } from 'node:crypto'
import t from 'tap'
import { createKeyVerifier } from '../../src/http/key-verifier.js'

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex')

await t.test('a key is known by its hash, and named by a part of it', async t => {
  const verify = createKeyVerifier([hashOf('one'), hashOf('two')])
  t.match(await verify('one'), { keyId: hashOf('one').slice(0, 12), account: { key: { id: hashOf('one').slice(0, 12), rules: { allowedTiers: ['pro', 'flash'] } } } })
  t.match(await verify('two'), { keyId: hashOf('two').slice(0, 12) })
  t.equal(await verify('three'), null)
  t.equal(await verify(''), null)
  t.equal(await verify(hashOf('one')), null, 'the hash itself is no key')
})

await t.test('without keys nobody is known', async t => {
  t.equal(await createKeyVerifier([])('one'), null)
})
