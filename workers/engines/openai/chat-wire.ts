/** The chat wire of OpenAI-compatible servers, as DeepSeek's own API, ds4-server, vLLM and SGLang speak it. */
import { z } from 'zod'
import type { Chat, ChatMessage } from '../../contract/chat.js'
import type { Job } from '../../contract/job.js'

/**
 * How a server is told to think. `deepseek`: `thinking` and `reasoning_effort` in the body (DeepSeek's API, ds4-server).
 * `template`: arguments of the chat template (vLLM, SGLang).
 */
export type ThinkingStyle = 'deepseek' | 'template'

export interface ChatRequestOptions {
  model: string
  thinkingStyle: ThinkingStyle
  effortLadder: 'preview' | '0731'
  /** Prompt and completion together. */
  contextTokens: number
}

/** The server counts the prompt for itself; where the answer's limit is what the context has left, this much is not asked for. */
const countMarginTokens = 256

export function chatRequestOf (job: Job, chat: Chat, options: ChatRequestOptions): Record<string, unknown> {
  const { sampling } = job
  return {
    model: options.model,
    messages: chat.messages.map(messageOf),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: Math.max(1, Math.min(sampling.maxTokens, options.contextTokens - job.tokenIds.length - countMarginTokens)),
    temperature: sampling.temperature,
    top_p: sampling.topP,
    ...(sampling.presencePenalty === undefined ? {} : { presence_penalty: sampling.presencePenalty }),
    ...(sampling.frequencyPenalty === undefined ? {} : { frequency_penalty: sampling.frequencyPenalty }),
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
    ...(sampling.logitBias === undefined ? {} : { logit_bias: sampling.logitBias }),
    ...(chat.stopStrings.length === 0 ? {} : { stop: chat.stopStrings }),
    ...toolsOf(chat),
    ...responseFormatOf(chat),
    ...thinkingOf(chat.effort, options)
  }
}

/** Said in every request: what a server does unasked differs and has changed between versions. */
function thinkingOf (effort: Chat['effort'], { thinkingStyle, effortLadder }: ChatRequestOptions): Record<string, unknown> {
  // The preview was not trained with a low effort; its nearest is high.
  const word = effort === 'low' && effortLadder === 'preview' ? 'high' : effort
  if (thinkingStyle === 'deepseek') {
    return effort === 'none' ? { thinking: { type: 'disabled' } } : { thinking: { type: 'enabled' }, reasoning_effort: word }
  }
  return { chat_template_kwargs: effort === 'none' ? { thinking: false } : { thinking: true, reasoning_effort: word } }
}

function messageOf (message: ChatMessage): Record<string, unknown> {
  if (message.role === 'tool') return { role: 'tool', tool_call_id: message.toolCallId, content: message.content }
  if (message.role !== 'assistant') return { role: message.role, content: message.content }
  return {
    role: 'assistant',
    content: message.content,
    ...(message.reasoning === null ? {} : { reasoning_content: message.reasoning }),
    ...(message.toolCalls.length === 0
      ? {}
      : { tool_calls: message.toolCalls.map(({ id, name, argumentsText }) => ({ id, type: 'function', function: { name, arguments: argumentsText } })) }),
    ...(message.isPrefix ? { prefix: true } : {})
  }
}

function toolsOf ({ tools, toolChoice, allowsParallelToolCalls }: Chat): Record<string, unknown> {
  if (tools.length === 0) return {}
  return {
    tools: tools.map(({ name, description, parameters, isStrict }) => ({
      type: 'function',
      function: {
        name,
        ...(description === null ? {} : { description }),
        ...(parameters === null ? {} : { parameters }),
        ...(isStrict ? { strict: true } : {})
      }
    })),
    tool_choice: toolChoice.kind === 'named' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice.kind,
    ...(allowsParallelToolCalls ? {} : { parallel_tool_calls: false })
  }
}

function responseFormatOf ({ responseFormat }: Chat): Record<string, unknown> {
  if (responseFormat.kind === 'text') return {}
  if (responseFormat.kind === 'json') return { response_format: { type: 'json_object' } }
  const { name, schema } = responseFormat
  return { response_format: { type: 'json_schema', json_schema: { name, schema, strict: true } } }
}

export const chatChunkSchema = z.object({
  choices: z.array(z.object({
    delta: z.object({
      content: z.string().nullish(),
      /** DeepSeek, SGLang, ds4; vLLM calls it `reasoning`. */
      reasoning_content: z.string().nullish(),
      reasoning: z.string().nullish(),
      tool_calls: z.array(z.object({
        index: z.int().min(0).default(0),
        id: z.string().nullish(),
        function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish()
      })).nullish()
    }),
    finish_reason: z.string().nullish()
  })).default([]),
  usage: z.object({
    prompt_tokens: z.int().min(0),
    completion_tokens: z.int().min(0),
    prompt_cache_hit_tokens: z.int().nullish(),
    prompt_tokens_details: z.object({ cached_tokens: z.int().nullish() }).nullish(),
    completion_tokens_details: z.object({ reasoning_tokens: z.int().min(0).nullish() }).nullish()
  }).nullish()
})
export type ChatChunk = z.infer<typeof chatChunkSchema>
