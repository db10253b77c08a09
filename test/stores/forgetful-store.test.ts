import t from 'tap'
import { AccountService } from '../../src/accounts/account-service.js'
import { anonymousAccount, createKey } from '../../src/accounts/keys.js'
import { openAccountStore } from '../../src/stores/open-account-store.js'
import { askFor, tokenPrices, used } from '../accounts/test-accounts.js'

await t.test('without a store the path of a request is the same: it has a price, and nothing is kept', async t => {
  const store = await openAccountStore('none')
  const service = new AccountService({ store, priceBook: tokenPrices })
  t.teardown(async () => { await service.close() })
  const admission = await service.admit(askFor(anonymousAccount()))
  t.same(await service.settle(admission, used(10, 5)), { costNanoUsd: 15, totalNanoUsd: 15, isRecorded: true })
  t.same(admission.rates, { requests: null, inputTokens: null, outputTokens: null })
  for await (const entry of store.readLedger({ fromMs: 0, toMs: Infinity })) t.fail('an entry', entry)
  t.equal(await service.authenticate(`gbx_${'a'.repeat(43)}`), null)
  await t.rejects(createKey(store, { orgId: 'acme', name: 'lost' }), /accounts\.store/)
})
