/** Between JsonValue and JavaScript's own values, for code that does not care about key order or number spelling. */
import { JsonNumber, type JsonValue } from './json-value.js'

/** Numbers become doubles; `__proto__` stays an ordinary key. */
export function toPlainJson (value: JsonValue): unknown {
  if (value instanceof JsonNumber) return value.toNumber()
  if (Array.isArray(value)) return value.map(toPlainJson)
  // fromEntries defines properties instead of assigning them, so a key `__proto__` cannot change the prototype.
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, member]) => [key, toPlainJson(member)]))
  return value
}

/**
 * Like JSON.stringify, members that are undefined are left out.
 * @throws TypeError for what JSON cannot say (functions, symbols, bigints, NaN, infinities)
 */
export function fromPlainJson (value: unknown): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' && Number.isFinite(value)) return new JsonNumber(Object.is(value, -0) ? '-0.0' : String(value))
  if (Array.isArray(value)) return value.map(fromPlainJson)
  if (typeof value !== 'object') throw new TypeError(`JSON has no ${typeof value} ${String(value)}`)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return new Map(members.map(([key, member]) => [key, fromPlainJson(member)]))
}

/** One line without spaces, numbers spelt as in the source. */
export function toCompactJson (value: JsonValue): string {
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(toCompactJson).join(',')}]`
  if (value instanceof Map) return `{${Array.from(value, ([key, member]) => `${JSON.stringify(key)}:${toCompactJson(member)}`).join(',')}}`
  return JSON.stringify(value)
}
