/** Answers that DeepSeek's hosted API gave: asked the same, with a model that says the same, ours are the same, field by field. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { says, startGateway } from '../http/start-gateway.js'

/** This file runs as dist/test/contract/hosted-captures.test.js. */
const captures = join(import.meta.dirname, '../../../test/fixtures/vectors/hosted-api/official')
const tokenSchema = z.object({ text: z.string(), bytes: z.array(z.number()) })
const captureSchema = z.object({
  request: z.looseObject({ model: z.string(), max_tokens: z.number() }),
  usage: z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() }),
  finish_reason: z.enum(['stop', 'length']),
  message: z.object({ role: z.string(), content: z.string() }),
  steps: z.array(z.object({ token: tokenSchema, logprob: z.number(), top_logprobs: z.array(z.object({ token: tokenSchema, logprob: z.number() })) }))
})
const tokenKeys = ['bytes', 'logprob', 'token', 'top_logprobs']

for (const name of ['short_italian_fact', 'short_code_completion', 'short_reasoning_plain', 'long_memory_archive', 'long_code_audit']) {
  await t.test(name, async t => {
    const capture = captureSchema.parse(JSON.parse(readFileSync(join(captures, `${name}.official.json`), 'utf8')))
    const { message, usage, finish_reason: finish, steps } = capture
    // Cut by the limit, a model would have gone on.
    const { post } = await startGateway(t, { answer: says(finish === 'length' ? `${message.content} and more` : message.content) })
    const body = await (await post(capture.request)).json() as Record<string, unknown> & { choices: Array<Record<string, unknown>> }
    const [choice] = body.choices
    // What the hosted cache held of a prompt then is nothing that ours could know.
    const uncached = { prompt_tokens_details: { cached_tokens: 0 }, prompt_cache_hit_tokens: 0, prompt_cache_miss_tokens: usage.prompt_tokens }
    t.strictSame(body['usage'], { ...usage, ...uncached }, 'every count under every name, and no other')
    t.equal(body['model'], capture.request.model)
    // OpenAI's types require a refusal.
    t.strictSame(choice?.['message'], { ...message, refusal: null })
    t.equal(choice?.['finish_reason'], finish)
    const { content } = z.object({ content: z.array(z.looseObject({ token: z.string(), bytes: z.array(z.number()), top_logprobs: z.array(z.looseObject({ token: z.string() })) })) }).parse(choice?.['logprobs'])
    t.strictSame(content.map(({ token, bytes }) => ({ text: token, bytes })), steps.map(({ token }) => token))
    for (const token of content) {
      t.strictSame(Object.keys(token).sort(), tokenKeys)
      for (const alternative of token.top_logprobs) t.strictSame(Object.keys(alternative).sort(), tokenKeys.slice(0, 3))
    }

    const streamed = await (await post({ ...capture.request, stream: true })).text()
    const chunks = streamed.split('\n\n').filter(event => event.startsWith('data: {')).map(event => JSON.parse(event.slice('data: '.length)) as typeof body & { choices: Array<{ delta: { content?: string }, logprobs: { content: unknown[] } | null, finish_reason: string | null }> })
    const withChoice = chunks.flatMap(chunk => chunk.choices)
    t.equal(withChoice.map(({ delta }) => delta.content ?? '').join(''), message.content)
    t.strictSame(withChoice.flatMap(({ logprobs }) => logprobs?.content ?? []), content)
    t.equal(withChoice.at(-1)?.finish_reason, finish)
    // The second reading of a prompt may find it in the cache.
    t.match(chunks.filter(chunk => chunk['usage'] !== undefined && chunk['usage'] !== null).at(-1)?.['usage'], { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens })
  })
}
