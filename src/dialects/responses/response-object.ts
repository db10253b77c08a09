/** The response as a whole, in every state it goes through. */
import type { LabelledToken, AnswerIdentity, AnswerUsage } from '../answer.js'
import { reportedCost } from '../cost-fields.js'
import type { ResponsesRequest } from './responses-request.js'

export interface ReasoningText { type: 'reasoning_text', text: string }
export interface OutputText { type: 'output_text', text: string, annotations: [], logprobs: LabelledToken[] }

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

export type OutputItem =
  | { id: string, type: 'reasoning', status: ItemStatus, summary: [], content: ReasoningText[], encrypted_content?: string }
  | { id: string, type: 'message', status: ItemStatus, role: 'assistant', content: OutputText[] }
  | { id: string, type: 'function_call', status: ItemStatus, call_id: string, name: string, arguments: string }
  | { id: string, type: 'custom_tool_call', status: ItemStatus, call_id: string, name: string, input: string }

export interface ResponsesUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number, cache_write_tokens: 0 }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
  /** USD; only when asked for. */
  cost?: number
}

export interface ResponseState {
  status: 'in_progress' | 'completed' | 'incomplete' | 'failed'
  output: OutputItem[]
  usage: ResponsesUsage | null
  error: { code: string, message: string } | null
}

export interface ResponseObject extends ResponseState {
  id: string
  object: 'response'
  created_at: number
  model: string
  [field: string]: unknown
}

export function responseObject (identity: AnswerIdentity, request: ResponsesRequest, effort: string, state: ResponseState): ResponseObject {
  const { body } = request
  return {
    id: identity.id,
    object: 'response',
    created_at: identity.created,
    status: state.status,
    background: false,
    error: state.error,
    incomplete_details: state.status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: request.instructions,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: body.metadata ?? {},
    model: identity.model,
    output: state.output,
    parallel_tool_calls: true,
    previous_response_id: request.previousResponseId,
    reasoning: { effort, summary: null },
    service_tier: 'default',
    store: request.isStored,
    temperature: body.temperature ?? 1,
    text: { format: body.text?.format ?? { type: 'text' }, verbosity: 'medium' },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    usage: state.usage,
    user: body.user ?? null
  }
}

export function responsesUsage (usage: AnswerUsage): ResponsesUsage {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens, cache_write_tokens: 0 },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
    ...reportedCost(usage)
  }
}
