/** GET /user/balance, as DeepSeek has it: what is left of the caller's budget, in dollars. */
import type { FastifyPluginAsync } from 'fastify'
import { accountOf } from '../answer/admit-answer.js'
import type { GatewayDependencies } from '../gateway-dependencies.js'

const nanoUsdPerUsd = 1e9

export const balanceRoute: FastifyPluginAsync<{ dependencies: Pick<GatewayDependencies, 'accounts'> }> = async (app, { dependencies: { accounts } }) => {
  for (const path of ['/user/balance', '/v1/user/balance']) {
    app.get(path, async request => {
      const leftNanoUsd = await accounts.budgetLeft(accountOf(request))
      // A budget is granted, nobody pays into it. Without one nothing is left of nothing, and everything is allowed.
      const left = ((leftNanoUsd ?? 0) / nanoUsdPerUsd).toFixed(2)
      return {
        is_available: leftNanoUsd === null || leftNanoUsd > 0,
        balance_infos: [{ currency: 'USD', total_balance: left, granted_balance: left, topped_up_balance: '0.00' }]
      }
    })
  }
}
