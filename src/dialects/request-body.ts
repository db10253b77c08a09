/**
 * A JSON body twice: as plain values for validation, and, only when something in it will be read by the model, as it
 * was written (order of keys, spelling of numbers).
 */
import { GatewayError } from '../errors.js'
import type { JsonValue } from '../language/json/json-value.js'
import { parseJson } from '../language/json/parse-json.js'
import { memberSpans } from './member-spans.js'

/** A member of the body, and where in it. */
export type BodyPath = readonly [member: string, ...steps: Array<string | number>]

export interface RequestBody {
  readonly value: unknown
  /** The value at a path, as it was written; undefined when there is none. Only the member it is in is parsed. */
  exact (path: BodyPath): JsonValue | undefined
}

/** @throws GatewayError invalid_json */
export function parseRequestBody (text: string): RequestBody {
  const value = parseOrRefuse(() => JSON.parse(text) as unknown)
  let spans: ReturnType<typeof memberSpans> | undefined
  const members = new Map<string, JsonValue>()

  function memberOf (key: string): JsonValue | undefined {
    const known = members.get(key)
    if (known !== undefined) return known
    spans ??= memberSpans(text)
    const span = spans.get(key)
    if (span === undefined) return undefined
    const member = parseOrRefuse(() => parseJson(text.slice(span.start, span.end)))
    members.set(key, member)
    return member
  }

  return {
    value,
    exact ([key, ...path]) {
      let node = memberOf(key)
      for (const step of path) {
        if (typeof step === 'number') node = Array.isArray(node) ? node[step] : undefined
        else node = node instanceof Map ? node.get(step) : undefined
      }
      return node
    }
  }
}

function parseOrRefuse<Value> (parse: () => Value): Value {
  try {
    return parse()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new GatewayError('invalid_json', `Failed to parse the request body as JSON: ${reason}`, { cause: error })
  }
}
