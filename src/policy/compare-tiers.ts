/**
 * What a cascade saves and what it loses, from traffic: requests that were drawn to go straight to a tier (`cascade-holdout`) are what
 * the others would have been there. Pure.
 */
import type { AnswerSample } from './answer-sample.js'

export interface RequestGroup {
  requests: number
  /** Of those whose answer was judged; null when none was. */
  goodShare: number | null
  meanNanoUsd: number
}

/** A figure and half of its 95 % interval. */
export interface Estimated {
  value: number
  plusMinus: number
}

export interface TierComparison {
  flash: RequestGroup
  pro: RequestGroup
  cascade: RequestGroup
  /** Share of the cascade's requests that pro had to repeat. */
  repeatedShare: number | null
  /** Share of the cost of sending all to pro that the cascade spares. */
  saving: Estimated | null
  /** By how much the share of good answers is below that of sending all to pro. */
  regret: Estimated | null
}

/** `wasGood` null = nobody judged the answer that was sent. */
export function compareTiers (samples: readonly AnswerSample[], wasGood: (sample: AnswerSample) => boolean | null): TierComparison {
  const heldOut = samples.filter(({ reason }) => reason === 'cascade-holdout')
  const [flash, pro, cascade] = [heldOut.filter(({ tier }) => tier === 'flash'), heldOut.filter(({ tier }) => tier === 'pro'), samples.filter(isCascade)]
  const groupOf = (group: readonly AnswerSample[]): RequestGroup => {
    const judged = judgedOf(group, wasGood)
    return { requests: group.length, goodShare: judged.length === 0 ? null : mean(judged), meanNanoUsd: mean(costsOf(group)) }
  }
  return {
    flash: groupOf(flash),
    pro: groupOf(pro),
    cascade: groupOf(cascade),
    repeatedShare: cascade.length === 0 ? null : cascade.filter(({ tier }) => tier === 'pro').length / cascade.length,
    saving: savingOf(costsOf(cascade), costsOf(pro)),
    regret: regretOf(judgedOf(cascade, wasGood), judgedOf(pro, wasGood))
  }
}

/** Went through the cascade, whether its first answer was kept or not. */
export function isCascade ({ reason }: Pick<AnswerSample, 'reason'>): boolean {
  return reason.startsWith('cascade-') && reason !== 'cascade-holdout'
}

/** 95 % of a normal distribution lie within so many standard deviations. */
const z95 = 1.96

/** One minus a ratio of means; its interval by the delta method. */
function savingOf (cascade: readonly number[], pro: readonly number[]): Estimated | null {
  const [spent, whole] = [mean(cascade), mean(pro)]
  if (cascade.length < 2 || pro.length < 2 || spent === 0 || whole === 0) return null
  const relative = variance(cascade) / cascade.length / spent ** 2 + variance(pro) / pro.length / whole ** 2
  return { value: 1 - spent / whole, plusMinus: z95 * spent / whole * Math.sqrt(relative) }
}

/** Two answers of each kind are added in the interval (Agresti and Coull), so that a few good answers in a row are not a certainty. */
function regretOf (cascade: readonly number[], pro: readonly number[]): Estimated | null {
  if (cascade.length === 0 || pro.length === 0) return null
  const spread = (judged: readonly number[]): number => {
    const count = judged.length + 4
    const share = (mean(judged) * judged.length + 2) / count
    return share * (1 - share) / count
  }
  return { value: mean(pro) - mean(cascade), plusMinus: z95 * Math.sqrt(spread(cascade) + spread(pro)) }
}

function judgedOf (group: readonly AnswerSample[], wasGood: (sample: AnswerSample) => boolean | null): number[] {
  return group.map(wasGood).filter(good => good !== null).map(Number)
}

function costsOf (group: readonly AnswerSample[]): number[] {
  return group.map(({ costNanoUsd }) => costNanoUsd)
}

function mean (values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}

function variance (values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
}
