/** Whether a whole answer may be sent, or a better tier should be asked: what can be known without knowing the right answer. Pure. */
import { z } from 'zod'
import type { AnswerPiece } from '../../dialects/answer.js'
import type { AnswerForm } from '../../dialects/answer-form.js'
import type { JsonValue } from '../../language/json/json-value.js'
import { toPlainJson } from '../../language/json/plain-json.js'
import type { AnswerSignals, FormFailure } from '../../policy/answer-sample.js'

export type CascadeFailure = FormFailure | 'cascade-low-confidence'

export interface WholeAnswer {
  pieces: readonly AnswerPiece[]
  answerForm: AnswerForm
  offeredTools: ReadonlyArray<{ name: string, parameters: JsonValue | null }>
}

/** null: nothing speaks against sending it. `minMeanLogprob` null = confidence is not checked. */
export function cascadeFailure ({ meanLogprob, failure }: AnswerSignals, minMeanLogprob: number | null): CascadeFailure | null {
  if (failure !== null) return failure
  return meanLogprob !== null && minMeanLogprob !== null && meanLogprob < minMeanLogprob ? 'cascade-low-confidence' : null
}

/** null: it has the form that was asked for. */
export function formFailure ({ pieces, answerForm, offeredTools }: WholeAnswer): FormFailure | null {
  const content = pieces.map(piece => piece.type === 'content' ? piece.text : '').join('')
  const calls = callsOf(pieces)
  if (calls.length === 0 && content.trim() === '') return 'cascade-empty'
  if (!calls.every(call => isValidCall(call, offeredTools))) return 'cascade-tool-call'
  return calls.length === 0 && !hasForm(content, answerForm) ? 'cascade-schema' : null
}

interface Call {
  name: string
  argumentsText: string
  isComplete: boolean
}

function callsOf (pieces: readonly AnswerPiece[]): Call[] {
  const calls = new Map<number, Call>()
  for (const piece of pieces) {
    if (piece.type === 'tool-call-start') calls.set(piece.index, { name: piece.name, argumentsText: '', isComplete: false })
    const call = 'index' in piece ? calls.get(piece.index) : undefined
    if (call !== undefined && piece.type === 'tool-call-arguments') call.argumentsText += piece.text
    if (call !== undefined && piece.type === 'tool-call-end') call.isComplete = piece.isComplete
  }
  return [...calls.values()]
}

function isValidCall ({ name, argumentsText, isComplete }: Call, offeredTools: WholeAnswer['offeredTools']): boolean {
  const tool = offeredTools.find(offered => offered.name === name)
  const given = parsed(argumentsText)
  return isComplete && tool !== undefined && typeof given === 'object' && given !== null && !Array.isArray(given) && fulfils(given, tool.parameters)
}

function hasForm (content: string, form: AnswerForm): boolean {
  if (form.kind === 'text') return true
  const given = parsed(content)
  return given !== undefined && (form.kind === 'json' || fulfils(given, form.schema))
}

/** A schema that says more than the checker knows cannot fail an answer. */
function fulfils (value: unknown, schema: JsonValue | null): boolean {
  if (schema === null) return true
  let checker: z.ZodType
  try {
    checker = z.fromJSONSchema(toPlainJson(schema) as Parameters<typeof z.fromJSONSchema>[0])
  } catch {
    return true
  }
  return checker.safeParse(value).success
}

/** undefined: no JSON. */
function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
