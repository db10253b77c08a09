/**
 * Several answers as one: alternatives to a prompt, answers to many prompts. Their parts come as they are made, each with the
 * number of its choice; usage is told once, at the end. One that fails ends all: half an answer is not what was asked for.
 */
import { createHash } from 'node:crypto'
import type { AnswerPart, AnswerUsage } from '../../dialects/answer.js'
import type { AnswerObserver, GenerationContext } from './generate-answer.js'
import type { AnswerPlan } from './plan-answer.js'

/** Workers serve others too: more choices than this wait for each other. */
const mostAtOnce = 8

export interface ChoicePlan {
  plan: AnswerPlan
  /** Alternatives to one prompt are told apart by their seeds, and their prompt is counted once. */
  countsPrompt: boolean
}

/** The same plan `count` times: a given seed decides all of them, and each has its own. */
export function alternativesOf (plan: AnswerPlan, count: number): ChoicePlan[] {
  return Array.from({ length: count }, (_, index) => ({ plan: index === 0 ? plan : alternative(plan, index), countsPrompt: index === 0 }))
}

function alternative (plan: AnswerPlan, index: number): AnswerPlan {
  const { requestId, sampling } = plan.job
  const seed = sampling.seed === undefined ? {} : { seed: derivedSeed(sampling.seed, index) }
  return { ...plan, job: { ...plan.job, requestId: `${requestId}.${index}`, sampling: { ...sampling, ...seed } } }
}

function derivedSeed (seed: number, index: number): number {
  return createHash('sha256').update(`${seed}:${index}`).digest().readUIntBE(0, 6)
}

export interface MergeOptions {
  choices: ChoicePlan[]
  observer: AnswerObserver
  signal: AbortSignal
  run: (context: Pick<GenerationContext, 'plan' | 'observer' | 'signal'>) => AsyncGenerator<AnswerPart, void, undefined>
}

/** The observer sees one answer, as the client does. */
export async function * mergeChoices (options: MergeOptions): AsyncGenerator<AnswerPart, void, undefined> {
  for await (const part of mergedParts(options)) {
    options.observer.answered(part)
    yield part
  }
}

async function * mergedParts ({ choices, run, observer, signal }: MergeOptions): AsyncGenerator<AnswerPart, void, undefined> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const sources = choices.map(({ plan, countsPrompt }, choice): Source => ({ choice, countsPrompt, parts: run({ plan, observer: jobsOf(observer), signal: either }) }))
  const waiting = [...sources]
  const running = new Map<number, Promise<Step>>()
  const total: AnswerUsage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 }
  let isAccepted = false
  let unfinished = choices.length
  try {
    while (waiting.length > 0 || running.size > 0) {
      for (const next of waiting.splice(0, mostAtOnce - running.size)) running.set(next.choice, step(next))
      const { source, part } = await Promise.race(running.values())
      if (part === null) {
        running.delete(source.choice)
        continue
      }
      running.set(source.choice, step(source))
      if (part.type === 'accepted') {
        if (!isAccepted) yield part
        isAccepted = true
      } else if (part.type === 'progress') {
        yield { ...part, choice: source.choice }
      } else {
        addUsage(total, part.usage, source)
        unfinished--
        yield unfinished === 0
          ? { ...part, choice: source.choice, usage: total }
          : { type: 'progress', pieces: [], logprobs: null, choice: source.choice, finish: part.finish }
      }
    }
  } finally {
    stop.abort()
    await Promise.allSettled([...running.values()])
    await Promise.allSettled(sources.map(async source => await source.parts.return()))
  }
}

/** What is seen of single choices: their jobs, not their parts. */
function jobsOf (observer: AnswerObserver): AnswerObserver {
  return { forJob: () => observer.forJob(), answered: () => {} }
}

interface Source {
  choice: number
  countsPrompt: boolean
  parts: AsyncGenerator<AnswerPart, void, undefined>
}

interface Step {
  source: Source
  part: AnswerPart | null
}

async function step (source: Source): Promise<Step> {
  const next = await source.parts.next()
  return { source, part: next.done === true ? null : next.value }
}

function addUsage (total: AnswerUsage, usage: AnswerUsage, { countsPrompt }: Source): void {
  total.completionTokens += usage.completionTokens
  total.reasoningTokens += usage.reasoningTokens
  if (usage.countedBy !== undefined) total.countedBy = usage.countedBy
  if (!countsPrompt) return
  total.promptTokens += usage.promptTokens
  total.cachedTokens += usage.cachedTokens
}
