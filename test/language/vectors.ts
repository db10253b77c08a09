/** The vectors under test/fixtures/vectors, read with our own parser so that key order and number spelling survive. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject, JsonValue } from '../../src/language/json/json-value.js'
import { parseJson } from '../../src/language/json/parse-json.js'

/** This file runs as dist/test/language/vectors.js. */
const folder = join(import.meta.dirname, '../../../test/fixtures/vectors')

export function readVectorText (path: string): string {
  return readFileSync(join(folder, path), 'utf8')
}

export function readVectors (path: string): JsonObject[] {
  return asArray(parseJson(readVectorText(path))).map(asObject)
}

export function asObject (value: JsonValue | undefined): JsonObject {
  if (value instanceof Map) return value
  throw new TypeError(`not an object: ${String(value)}`)
}

export function asArray (value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value
  throw new TypeError(`not an array: ${String(value)}`)
}

export function asString (value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  throw new TypeError(`not a string: ${String(value)}`)
}

/** '' for null or missing. */
export function textOf (value: JsonValue | undefined): string {
  return value === undefined || value === null ? '' : asString(value)
}

/** [] for null or missing. */
export function objectsOf (value: JsonValue | undefined): JsonObject[] {
  return value === undefined || value === null ? [] : asArray(value).map(asObject)
}
