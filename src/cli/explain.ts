/** `gearbox explain`: what the policy would decide for a chat request, each step with its answer; nothing is run or charged. */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { configuredPrices } from '../accounts/configured-prices.js'
import { formatUsd } from '../accounts/money.js'
import { coldTokens } from '../accounts/output-estimate.js'
import { costOf, isPeak, pricesAt, type PriceBook } from '../accounts/price-book.js'
import { loadConfig, readEnvironment } from '../config/load-config.js'
import type { ChatRequest } from '../dialects/chat/chat-request.js'
import { parseChatRequest } from '../dialects/chat/parse-chat-request.js'
import { parseRequestBody } from '../dialects/request-body.js'
import { GatewayError } from '../errors.js'
import { isToolForced } from '../http/answer/answer-constraint.js'
import { callerPreferences, type CallerPreferences } from '../http/answer/caller-preferences.js'
import { roughTokens } from '../http/answer/circumstances.js'
import { chooseEffort, type EffortChoice } from '../policy/choose-effort.js'
import { choosePriority } from '../policy/choose-priority.js'
import { considerTier, type ConsideredStep, type MoneyInputs, type TierChoice, type TierInputs } from '../policy/choose-tier.js'
import { publicModelNames, resolveModel } from '../policy/model-name.js'
import { keyRulesSchema, type KeyRules } from '../stores/key-record.js'
import { tierSchema, type Tier } from '../../workers/contract/job.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'

const usage = `usage: gearbox explain [options] < request.json
  --config FILE           the gateway's settings; without it the defaults
  --header 'name: value'  as often as needed, such as 'x-gearbox-tier: pro'
  --rules JSON            a key's rules, such as '{"allowedTiers":["flash"],"effortCap":"high"}'
  --at 2026-11-24T02:00Z  the time that decides the price; now
  --request-id ID         decides shares and trials
  --conversation-tier pro|flash   where the turn before was answered
  --budget-share 0.8      how much of the tightest budget is used
  --json                  one JSON object instead of text`

const options = {
  config: { type: 'string' },
  header: { type: 'string', multiple: true },
  rules: { type: 'string', default: '{}' },
  at: { type: 'string' },
  'request-id': { type: 'string', default: 'explain' },
  'conversation-tier': { type: 'string' },
  'budget-share': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false }
} as const

export async function runExplain (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({ args: argv, options })
  if (values.help) return io.write(`${usage}\n`)
  const config = loadConfig(values.config ?? null, readEnvironment())
  const rules = rulesOf(values.rules)
  const atMs = values.at === undefined ? Date.now() : Date.parse(values.at)
  if (Number.isNaN(atMs)) throw new CliInputError(`--at: ${values.at} is not a time such as 2026-11-24T02:00Z`)
  const lines: string[] = []
  for await (const line of io.lines) lines.push(line)

  const { request, preferences } = refusing(() => ({ request: parseChatRequest(parseRequestBody(lines.join('\n'))), preferences: callerPreferences(headersOf(values.header ?? [])) }))
  const model = resolveModel(request.model, { pro: '', flash: '' })
  if (model === null) throw new CliInputError(`the model '${request.model}' is unknown; there are ${publicModelNames.join(', ')}, and the names of loaded checkpoints`)
  const effortInputs = { body: request.thinking, headerWord: preferences.effort, modelIsThinking: model.isThinking, isToolForced: false, xhighEffort: config.policy.xhighEffort, cap: rules.effortCap }
  const effort = chooseEffort({ ...effortInputs, ladder: '0731' })
  const conversationTier = values['conversation-tier'] === undefined ? null : parsed('--conversation-tier', () => tierSchema.parse(values['conversation-tier']))
  const inputs: TierInputs = {
    requestId: values['request-id'],
    modelTier: model.tier,
    headerTier: preferences.tier,
    effort,
    conversationTier,
    fits: { pro: true, flash: true },
    money: moneyOf({ request, preferences, rules, prices: configuredPrices(config.accounts), atMs, conversationTier, budgetShare: shareOf(values['budget-share']) }),
    rules,
    policy: config.policy
  }
  const { choice, steps } = considerTier(inputs)
  // Where think-first holds the call comes after reasoning; engines that cannot do that are not known here.
  const isForced = isToolForced(request.conversation.toolChoice) && config.dialects.forcedToolChoice !== 'think-first'
  const applied = chooseEffort({ ...effortInputs, isToolForced: isForced, ladder: '0731' })
  const priority = choosePriority(preferences.priority, rules) ?? 0
  const refusal = rules.allowedTiers.includes(choice.tier) ? null : 'tier_not_allowed'
  const explained = { ...choice, effort: applied, priority, refusal, steps, money: inputs.money }
  io.write(values.json ? `${JSON.stringify(explained)}\n` : textOf(explained, atMs))
}

interface Explained extends TierChoice {
  effort: EffortChoice
  priority: number
  refusal: string | null
  steps: ConsideredStep[]
  money: MoneyInputs
}

function textOf ({ tier, reason, effort, priority, refusal, steps, money: { nanoUsd, isPeak: atPeak, ceilingNanoUsd } }: Explained, atMs: number): string {
  return [
    `tier    ${tier} (${reason})${refusal === null ? '' : ', which the key may not use: 403 tier_not_allowed'}`,
    `effort  ${effort.effort} (${effort.reason})`,
    ...(priority === 0 ? [] : [`turn    ${priority > 0 ? 'before' : 'behind'} the usual: priority ${priority}`]),
    `cost    about $${formatUsd(nanoUsd.flash)} on flash, $${formatUsd(nanoUsd.pro)} on pro, ${atPeak ? 'peak' : 'off-peak'} at ${new Date(atMs).toISOString()}${ceilingNanoUsd === null ? '' : `, ceiling $${formatUsd(ceilingNanoUsd)}`}`,
    'steps',
    ...steps.map(({ step, choice: made, why }) => `  ${step.padEnd(14)}${made === null ? '-' : made.tier}`.padEnd(24) + why),
    ''
  ].join('\n')
}

interface MoneySources {
  request: ChatRequest
  preferences: CallerPreferences
  rules: KeyRules
  prices: PriceBook
  atMs: number
  conversationTier: Tier | null
  budgetShare: number | null
}

/** As the gateway does it for a key it has not seen: a cached prefix is taken for the whole prompt. */
function moneyOf ({ request, preferences, rules, prices, atMs, conversationTier, budgetShare }: MoneySources): MoneyInputs {
  const promptTokens = roughTokens(request.conversation)
  const completionTokens = Math.min(request.sampling.maxTokens ?? coldTokens, coldTokens)
  const on = (tier: Tier): number => costOf(pricesAt(prices, tier, atMs), { promptTokens, cachedTokens: conversationTier === tier ? promptTokens : 0, completionTokens })
  const ceilings = [rules.ceilingNanoUsdPerRequest, request.maxNanoUsd ?? preferences.maxNanoUsd].filter(ceiling => ceiling !== null)
  return { nanoUsd: { pro: on('pro'), flash: on('flash') }, ceilingNanoUsd: ceilings.length === 0 ? null : Math.min(...ceilings), budgetShare, isPeak: isPeak(prices, atMs) }
}

function shareOf (text: string | undefined): number | null {
  if (text === undefined) return null
  const share = Number(text)
  if (!(share >= 0)) throw new CliInputError('--budget-share: a number of at least 0')
  return share
}

function rulesOf (text: string): KeyRules {
  return parsed('--rules', () => keyRulesSchema.parse(JSON.parse(text)))
}

function parsed<Result> (flag: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new CliInputError(`${flag}: ${error instanceof z.ZodError ? error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ') : String(error)}`)
  }
}

/** A request that the gateway would refuse is bad input here. */
function refusing<Result> (work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (error instanceof GatewayError) throw new CliInputError(`the request is refused: ${error.status} ${error.code}: ${error.message}`)
    throw error
  }
}

function headersOf (lines: string[]): Record<string, string> {
  return Object.fromEntries(lines.map(line => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new CliInputError(`--header: '${line}' is not name: value`)
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
  }))
}
