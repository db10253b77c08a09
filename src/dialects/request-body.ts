/**
 * A JSON body twice: as plain values for validation, and, only when something in it will be read by the model, as it
 * was written (order of keys, spelling of numbers).
 */
import { GatewayError } from '../errors.js'
import { parseJson } from '../language/json/parse-json.js'
import type { JsonValue } from '../language/json/json-value.js'

export interface RequestBody {
  readonly value: unknown
  /** The value at a path, as it was written; undefined when there is none. */
  exact (path: ReadonlyArray<string | number>): JsonValue | undefined
}

/** @throws GatewayError invalid_json */
export function parseRequestBody (text: string): RequestBody {
  const value = parseOrRefuse(() => JSON.parse(text) as unknown)
  let root: JsonValue | undefined
  return {
    value,
    exact (path) {
      root ??= parseOrRefuse(() => parseJson(text))
      let node: JsonValue | undefined = root
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
