import t from 'tap'
import { hashSecret } from '../../src/accounts/keys.js'
import { createKeyVerifier } from '../../src/http/key-verifier.js'

await t.test('a key is known by its hash, and named by a part of it', async t => {
  const verify = createKeyVerifier([hashSecret('one'), hashSecret('two')])
  t.match(await verify('one'), { keyId: hashSecret('one').slice(0, 12), account: { key: { id: hashSecret('one').slice(0, 12), rules: { allowedTiers: ['pro', 'flash'] } } } })
  t.match(await verify('two'), { keyId: hashSecret('two').slice(0, 12) })
  t.equal(await verify('three'), null)
  t.equal(await verify(''), null)
  t.equal(await verify(hashSecret('one')), null, 'the hash itself is no key')
})

await t.test('without keys nobody is known', async t => {
  t.equal(await createKeyVerifier([])('one'), null)
})
