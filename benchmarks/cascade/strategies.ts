/** What each way of choosing a tier would have got and paid, from answers of both tiers to the same prompts. Pure. */
import { costOf, type Prices } from '../../src/accounts/price-book.js'
import type { Judged } from '../skills/evaluation.js'

export interface Point {
  /** Share of right answers. */
  accuracy: number
  /** Mean cost of a request, nano-dollars. */
  nanoUsd: number
  /** Share of requests that pro worked on. */
  proShare: number
}

export interface Answers {
  flash: readonly Judged[]
  pro: readonly Judged[]
  prices: { flash: Prices, pro: Prices }
}

/** `onPro`: the probability that a request goes to pro, without looking at it; 0 and 1 are the two tiers. */
export function random ({ flash, pro, prices }: Answers, onPro: number): Point {
  const side = (answers: readonly Judged[], each: Prices): Omit<Point, 'proShare'> => ({
    accuracy: mean(answers.map(({ isRight }) => Number(isRight))),
    nanoUsd: mean(answers.map(answer => paid(answer, each)))
  })
  const [a, b] = [side(flash, prices.flash), side(pro, prices.pro)]
  return { accuracy: a.accuracy * (1 - onPro) + b.accuracy * onPro, nanoUsd: a.nanoUsd * (1 - onPro) + b.nanoUsd * onPro, proShare: onPro }
}

/** Flash first; pro, and both are paid, when flash's answer is not valid or less confident than the threshold (null = any will do). */
export function cascade ({ flash, pro, prices }: Answers, minMeanLogprob: number | null): Point {
  const outcomes = flash.map((first, index) => {
    const second = pro[index]
    const isKept = first.isValid && (minMeanLogprob === null || first.meanLogprob >= minMeanLogprob)
    if (isKept || second === undefined) return { isRight: first.isRight, nanoUsd: paid(first, prices.flash), isRepeated: false }
    return { isRight: second.isRight, nanoUsd: paid(first, prices.flash) + paid(second, prices.pro), isRepeated: true }
  })
  return {
    accuracy: mean(outcomes.map(({ isRight }) => Number(isRight))),
    nanoUsd: mean(outcomes.map(({ nanoUsd }) => nanoUsd)),
    proShare: mean(outcomes.map(({ isRepeated }) => Number(isRepeated)))
  }
}

function paid ({ promptTokens, completionTokens }: Judged, prices: Prices): number {
  return costOf(prices, { promptTokens, cachedTokens: 0, completionTokens })
}

function mean (values: number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
