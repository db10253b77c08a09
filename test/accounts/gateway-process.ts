/**
 * A gateway's share of accounts in a process of its own, to be killed: `node gateway-process.js SOCKET PREFIX SECRET NAME`.
 * Eight clients admit and settle without end; each usage that a client would have seen is printed as a JSON line, after it
 * was settled and with a synchronous write, so that a kill cannot keep back what was returned.
 */
import { writeSync } from 'node:fs'
import { AccountService } from '../../src/accounts/account-service.js'
import { GatewayError } from '../../src/errors.js'
import { RedisStore } from '../../src/stores/redis-store.js'
import { askFor, tokenPrices, used } from './test-accounts.js'

const [url = '', prefix = '', secret = '', name = ''] = process.argv.slice(2)
const clients = 8
const mostRequests = 5000

const store = new RedisStore({ url, prefix, commandTimeoutMs: 5000 })
const service = new AccountService({ store, priceBook: tokenPrices })
const account = await service.authenticate(secret)
if (account === null) throw new Error('the key must be good')

async function client (number: number): Promise<void> {
  for (let index = 0; index < mostRequests; index++) {
    const requestId = `${name}-${number}-${index}`
    if (account === null) return
    try {
      const admission = await service.admit(askFor(account, { requestId, maxOutputTokens: 100 }))
      const { totalNanoUsd } = await service.settle(admission, used(10, (number * 31 + index * 17) % 100))
      writeSync(1, `${JSON.stringify({ requestId, totalNanoUsd })}\n`)
    } catch (error) {
      if (error instanceof GatewayError) return
      throw error
    }
  }
}

await Promise.all(Array.from({ length: clients }, (_, number) => client(number)))
await service.close()
await store.close()
