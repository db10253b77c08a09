import t from 'tap'
import { CliInputError } from '../../src/cli/cli-input-error.js'
import { runExplain } from '../../src/cli/explain.js'
import { runCommand } from './run-command.js'

const ask = JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'Prove it.' }], reasoning_effort: 'max' })
const at = ['--at', '2026-11-24T02:00Z']

async function explained (argv: string[], line = ask): Promise<{ tier: string, reason: string, effort: object, refusal: string | null, steps: Array<{ step: string }>, money: { isPeak: boolean, ceilingNanoUsd: number | null } }> {
  const [written = ''] = await runCommand(runExplain, [...at, '--json', ...argv], [line])
  return JSON.parse(written)
}

await t.test('the decision, the steps that led to it, and the prices of that time', async t => {
  const { steps, ...decision } = await explained([])
  t.match(decision, { tier: 'pro', reason: 'asked-for-effort', effort: { effort: 'max', reason: 'asked-by-body' }, refusal: null, money: { isPeak: true } })
  t.strictSame(steps.map(({ step }) => step), ['model', 'header', 'allowed tiers', 'conversation', 'effort'])
})

await t.test('headers, a key\'s rules, a conversation and a budget count as they do in the gateway', async t => {
  t.match(await explained(['--header', 'x-gearbox-tier: flash']), { tier: 'flash', reason: 'asked-by-header' })
  t.match(await explained(['--rules', '{"atPeak":"flash"}']), { tier: 'flash', reason: 'peak-hours' })
  t.match(await explained(['--rules', '{"effortCap":"low"}']), { tier: 'flash', reason: 'default', effort: { effort: 'low', reason: 'capped-by-key' } })
  t.match(await explained(['--rules', '{"downgradeAtBudgetShare":0.8}', '--budget-share', '0.9']), { tier: 'flash', reason: 'budget-share' })
  t.match(await explained(['--header', 'x-gearbox-max-cost-usd: 0.000001']), { tier: 'flash', reason: 'cost-ceiling', money: { ceilingNanoUsd: 1000 } })
  t.match(await explained(['--conversation-tier', 'flash']), { tier: 'flash', reason: 'conversation' })
  t.match(await explained(['--rules', '{"allowedTiers":["flash"]}', '--header', 'x-gearbox-tier: pro']), { tier: 'pro', refusal: 'tier_not_allowed' })
})

await t.test('for people it is a few lines', async t => {
  const [tier = '', effort = ''] = await runCommand(runExplain, at, [ask])
  t.match(tier, /^tier +pro \(asked-for-effort\)$/)
  t.match(effort, /^effort +max/)
  const written = await runCommand(runExplain, [...at, '--rules', '{"maxPriority":20}', '--header', 'x-gearbox-priority: 90'], [ask])
  t.match(written[2], /^turn +before the usual: priority 20$/)
})

await t.test('what the gateway would refuse, and what is not understood, is bad input', async t => {
  const bad: Array<[argv: string[], line: string, message: RegExp]> = [
    [[], '{"model":"auto"}', /messages/],
    [[], ask.replace('auto', 'gpt-5'), /gpt-5/],
    [['--rules', '{"atpeak":"flash"}'], ask, /--rules.*atpeak/],
    [['--at', 'noon'], ask, /--at/],
    [['--header', 'pro'], ask, /--header/],
    [['--conversation-tier', 'gold'], ask, /--conversation-tier/],
    [['--budget-share', 'much'], ask, /--budget-share/]
  ]
  for (const [argv, line, message] of bad) {
    const error = await runCommand(runExplain, argv, [line]).catch((thrown: unknown) => thrown)
    t.ok(error instanceof CliInputError)
    t.match(error, { message })
  }
})
