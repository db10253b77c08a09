/**
 * A line for `gearbox render`: a chat request, or what the reference encoder's vectors hold (messages alone; tools,
 * response format and tasks on a message; `thinking_mode`). Looser than the served dialect on purpose: its refusals protect
 * a conversation that goes on, here somebody wants to see a prompt.
 */
import { z } from 'zod'
import { responseFormatOf } from '../dialects/answer-form.js'
import { parseRequestBody, type RequestBody } from '../dialects/request-body.js'
import { chatRequestSchema } from '../dialects/chat/request-schema.js'
import { requestedThinking } from '../dialects/chat/requested-thinking.js'
import { toMessages } from '../dialects/chat/to-messages.js'
import { toAnswerForm, toToolChoice, toTools } from '../dialects/chat/to-tools.js'
import { parseOrThrow } from '../dialects/validation-error.js'
import type { Conversation, Effort, EffortLadder, Message, QuickTask } from '../language/conversation.js'
import type { JsonObject } from '../language/json/json-value.js'
import { chooseEffort } from '../policy/choose-effort.js'
import { resolveModel } from '../policy/model-name.js'

const quickTasks = ['action', 'query', 'authority', 'domain', 'title', 'read_url'] as const

/** The reference encoder takes any name; so must one who wants to compare with it. */
const renderToolSchema = z.looseObject({
  function: z.looseObject({
    name: z.string(),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish()
  })
})

const renderRequestSchema = chatRequestSchema.extend({
  model: z.string().nullish(),
  tools: z.array(renderToolSchema).nullish(),
  thinking_mode: z.enum(['chat', 'thinking']).nullish()
})
type RenderRequestBody = z.infer<typeof renderRequestSchema>

const referenceMessageSchema = z.looseObject({
  task: z.enum(quickTasks).nullish(),
  wo_eos: z.union([z.boolean(), z.number()]).nullish(),
  tools: z.array(renderToolSchema).nullish(),
  response_format: z.record(z.string(), z.unknown()).nullish()
})
type ReferenceMessage = z.infer<typeof referenceMessageSchema>

export interface RenderRequest {
  conversation: Conversation
  effort: Effort
}

/** @throws GatewayError as the chat dialect does */
export function parseRenderRequest (line: string, ladder: EffortLadder): RenderRequest {
  const source = parseRequestBody(line.trimStart().startsWith('[') ? `{"messages":${line}}` : line)
  const body = parseOrThrow(renderRequestSchema, source.value)
  const extras = body.messages.map(message => parseOrThrow(referenceMessageSchema, message))
  return { conversation: toConversation(body, { source, extras }), effort: effortOf(body, ladder) }
}

function toConversation (body: RenderRequestBody, { source, extras }: { source: RequestBody, extras: ReferenceMessage[] }): Conversation {
  const tools = [
    ...toTools(body.tools, source),
    ...extras.flatMap((extra, index) => toTools(extra.tools, source, ['messages', index, 'tools']))
  ]
  return {
    messages: toMessages(body, source).map((message, index) => withReferenceFields(message, extras[index])),
    tools,
    toolChoice: toToolChoice(body.tool_choice, tools),
    allowsParallelToolCalls: true,
    responseFormat: responseFormatOf(toAnswerForm(body.response_format, source)) ?? formatOnMessage(extras, source)
  }
}

function withReferenceFields (message: Message, extra: ReferenceMessage | undefined): Message {
  const task: { task?: QuickTask } = extra?.task === null || extra?.task === undefined ? {} : { task: extra.task }
  if (message.role === 'user') return { ...message, ...task }
  if (message.role === 'assistant') return { ...message, ...task, isPrefix: message.isPrefix || Boolean(extra?.wo_eos) }
  return message
}

function formatOnMessage (extras: ReferenceMessage[], source: RequestBody): JsonObject | null {
  const index = extras.findIndex(extra => extra.response_format !== null && extra.response_format !== undefined)
  const format = index === -1 ? null : source.exact(['messages', index, 'response_format'])
  return format instanceof Map ? format : null
}

function effortOf (body: RenderRequestBody, ladder: EffortLadder): Effort {
  const mode = body.thinking_mode
  const thinking = requestedThinking(body)
  const isOn = mode === null || mode === undefined ? thinking.isOn : mode === 'thinking'
  const kind = typeof body.tool_choice === 'object' ? 'named' : body.tool_choice
  return chooseEffort({
    body: { ...thinking, isOn },
    headerWord: null,
    modelIsThinking: resolveModel(body.model ?? 'auto', { pro: '', flash: '' })?.isThinking ?? null,
    isToolForced: kind === 'required' || kind === 'named',
    ladder,
    xhighEffort: 'high',
    cap: null
  }).effort
}
