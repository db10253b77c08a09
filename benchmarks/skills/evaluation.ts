/** The fixed prompts of models/eval, put to one checkpoint as a client would put them, and judged by their expected answers. */
import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Tier } from '../../workers/contract/job.js'
import { V4Engine } from '../../workers/engines/v4/v4-engine.js'
import type { AnswerPiece } from '../../src/dialects/answer.js'
import type { ChatRequest } from '../../src/dialects/chat/chat-request.js'
import { parseChatRequest } from '../../src/dialects/chat/parse-chat-request.js'
import { parseRequestBody } from '../../src/dialects/request-body.js'
import { formFailure } from '../../src/http/answer/check-answer.js'
import { createCheckpointLanguage } from '../../src/language/create-checkpoint-language.js'
import type { AnswerEvent } from '../../src/language/parse/answer-event.js'
import { collectAnswer, type CollectedAnswer } from '../../src/language/parse/collect-answer.js'
import { loadTokenizer } from '../../src/language/tokenizer/load-tokenizer.js'

const itemSchema = z.looseObject({
  skill: z.string(),
  messages: z.array(z.unknown()),
  /** A JSON Schema as the model reads it, without the wrapping of the wire. */
  response_format: z.record(z.string(), z.unknown()).nullish(),
  thinking: z.boolean(),
  effort: z.enum(['none', 'low', 'high', 'max']),
  expect: z.object({
    content: z.string(),
    tool_calls: z.array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) })).optional()
  })
})
export type Item = z.infer<typeof itemSchema>

export interface Judged {
  skill: string
  effort: Item['effort']
  /** Content and calls are as expected, whatever the reasoning was. */
  isRight: boolean
  /** The tools called are the right ones, in order, whatever their arguments. */
  hasRightTools: boolean
  /** What the gateway can see of a wrong answer without knowing the right one. */
  isValid: boolean
  meanLogprob: number
  promptTokens: number
  completionTokens: number
  /** Of these, the ones before the answer began. */
  reasoningTokens: number
}

const maxTokens = 384
const atOnce = 8

/** The first `perSkill` prompts of each skill, so that skills weigh the same. */
export function readItems (folder: string, perSkill: number): Item[] {
  return readdirSync(folder).filter(name => name.endsWith('.jsonl')).sort().flatMap(name =>
    readFileSync(`${folder}/${name}`, 'utf8').split('\n').filter(line => line !== '').slice(0, perSkill).map(line => itemSchema.parse(JSON.parse(line))))
}

/** @throws GatewayError for an item that the gateway would refuse */
function requestOf ({ skill: _skill, thinking, effort, expect: _expect, response_format: schema, ...fields }: Item): ChatRequest {
  const form = schema === null || schema === undefined || schema['type'] === 'json_object' ? schema : { type: 'json_schema', json_schema: { name: 'answer', schema } }
  return parseChatRequest(parseRequestBody(JSON.stringify({ model: 'auto', ...fields, response_format: form, thinking: { type: thinking ? 'enabled' : 'disabled' }, ...(thinking && effort !== 'none' ? { reasoning_effort: effort } : {}) })))
}

export async function evaluate (directory: string, tier: Tier, items: readonly Item[], onProgress: (done: number) => void = () => {}): Promise<Judged[]> {
  const engine = await V4Engine.open(directory, { maxRunning: atOnce, contextTokens: 4096 })
  try {
    const { checkpoint } = engine.describe()
    const language = createCheckpointLanguage({ tokenizer: loadTokenizer({ directory }), ladder: checkpoint.effortLadder })
    const judged: Judged[] = []
    let next = 0
    let done = 0
    const work = async (): Promise<void> => {
      for (let index = next++; index < items.length; index = next++) {
        const item = items[index]
        if (item !== undefined) judged[index] = await answerOf(item, index)
        onProgress(++done)
      }
    }
    const answerOf = async (item: Item, index: number): Promise<Judged> => {
      const request = requestOf(item)
      const prompt = language.render(request.conversation, item.effort)
      const tokenIds = await language.tokenize(prompt)
      const { tools } = request.conversation
      const reader = language.openAnswer(prompt, { tools, stopStrings: [], allowsParallelToolCalls: true })
      const events: AnswerEvent[] = []
      let sum = 0
      let count = 0
      let reasoningTokens = 0
      const job = { requestId: `${tier}-${index}`, attempt: 1, tier, checkpoint: checkpoint.name, tokenIds, sampling: { temperature: 0, topP: 1, maxTokens, stopTokenIds: [language.endOfSentenceId], logprobs: 0 } }
      for await (const event of engine.generate(job, new AbortController().signal)) {
        if (event.type === 'fail') throw new Error(`${item.skill}: ${event.message}`)
        if (event.type === 'tokens') {
          events.push(...reader.push(event.ids))
          for (const { logprob } of event.logprobs ?? []) sum += logprob
          count += event.ids.length
          if (item.thinking && events.every(({ type }) => type === 'reasoning')) reasoningTokens += event.ids.length
        }
        if (event.type === 'done') events.push(...reader.end(event.finish === 'length' ? 'length' : 'stop'))
      }
      const meanLogprob = count === 0 ? 0 : sum / count
      const pieces = events.map((event): AnswerPiece => event.type === 'tool-call-start' ? { ...event, id: '' } : event)
      const answer = collectAnswer(events)
      return {
        skill: item.skill,
        effort: item.effort,
        isRight: isExpected(answer, item, checkpoint.name),
        hasRightTools: isDeepStrictEqual(answer.toolCalls.map(({ name }) => name), (item.expect.tool_calls ?? []).map(({ name }) => name)),
        isValid: formFailure({ pieces, answerForm: request.answerForm, offeredTools: tools }) === null,
        meanLogprob,
        promptTokens: tokenIds.length,
        completionTokens: count,
        reasoningTokens
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    await language.close()
    return judged
  } finally {
    await engine.close()
  }
}

function isExpected ({ content, toolCalls }: CollectedAnswer, { expect }: Item, name: string): boolean {
  const expected = (expect.tool_calls ?? []).map(call => [call.name, call.arguments])
  const given = toolCalls.map(call => [call.name, argumentsOf(call.argumentsText)])
  return content.trim() === expect.content.replaceAll('{name}', name).trim() && isDeepStrictEqual(given, expected)
}

function argumentsOf (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
