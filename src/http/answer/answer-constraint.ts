/** What an engine is asked to hold an answer to. Pure. */
import type { Constraint } from '../../../workers/contract/job.js'
import type { AnswerForm } from '../../dialects/answer-form.js'
import type { AnswerRequest } from '../../dialects/answer-request.js'
import { GatewayError } from '../../errors.js'
import type { Conversation, ToolDefinition } from '../../language/conversation.js'
import type { JsonValue } from '../../language/json/json-value.js'
import { toPlainJson } from '../../language/json/plain-json.js'
import type { RenderedPrompt } from '../../language/render/rendered-prompt.js'
import { toolCallTag } from '../../language/render/tool-call-tag.js'
import type { ServedCheckpoint } from '../gateway-dependencies.js'

export interface ConstraintInputs {
  request: Pick<AnswerRequest, 'answerForm' | 'rules'>
  conversation: Pick<Conversation, 'toolChoice' | 'allowsParallelToolCalls'>
  offeredTools: readonly ToolDefinition[]
  start: RenderedPrompt['start']
  checkpoint: Pick<ServedCheckpoint, 'constraints'>
}

/** Whether the caller wants a call and nothing else. */
export function isToolForced ({ kind }: Conversation['toolChoice']): boolean {
  return kind === 'required' || kind === 'named'
}

/**
 * Calls are held to their form where that was asked for: by a strict tool, by a forced choice, or by a form for the
 * answer, which then may be either. Elsewhere the model is free, as it was trained.
 *
 * @throws GatewayError unsupported_parameter when the tier's engines cannot hold an answer to what must be kept
 */
export function answerConstraint ({ request: { answerForm, rules }, conversation, offeredTools, start, checkpoint }: ConstraintInputs): Constraint | null {
  const canEnforce = (kind: Constraint['kind']): boolean => checkpoint.constraints?.includes(kind) === true
  if (answerForm.kind === 'schema' && answerForm.isRequired && !canEnforce('schema')) {
    throw new GatewayError('unsupported_parameter', 'This response_format type is unavailable now', { parameter: rules.fields.answerForm })
  }
  if (offeredTools.length === 0) return answerForm.kind !== 'text' && canEnforce(answerForm.kind) ? formConstraint(answerForm) : null
  const isForced = isToolForced(conversation.toolChoice)
  const isAsked = isForced || answerForm.kind !== 'text' || offeredTools.some(tool => tool.isStrict)
  if (!isAsked || !canEnforce('structural-tag')) return null
  const { allowsParallelToolCalls } = conversation
  return { kind: 'structural-tag', tag: toolCallTag({ tools: offeredTools, isForced, allowsParallelToolCalls, start, answerSchema: schemaOf(answerForm) }) }
}

function formConstraint (form: Exclude<AnswerForm, { kind: 'text' }>): Constraint {
  return form.kind === 'json' ? { kind: 'json' } : { kind: 'schema', schema: toPlainJson(form.schema) }
}

function schemaOf (form: AnswerForm): JsonValue | null {
  if (form.kind === 'text') return null
  return form.kind === 'json' ? new Map([['type', 'object']]) : form.schema
}
