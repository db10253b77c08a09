import type { JsonObject } from '../language/json/json-value.js'

/** The form a caller asks for. A schema that is not required is asked for in the prompt where no engine can enforce it. */
export type AnswerForm = { kind: 'text' } | { kind: 'json' } | { kind: 'schema', schema: JsonObject, isRequired: boolean }

/** What stands under `## Response Format:` in the prompt. */
export function responseFormatOf (form: AnswerForm): JsonObject | null {
  if (form.kind === 'text') return null
  return form.kind === 'json' ? new Map([['type', 'json_object']]) : form.schema
}
