/**
 * JSON as it was written: objects keep the order of their keys, numbers their spelling.
 *
 * JSON.parse into plain objects loses both (keys like "1" move to the front, `__proto__` breaks, 1e2 becomes 100),
 * and the model must read what the caller wrote.
 */
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject

export type JsonObject = Map<string, JsonValue>

/** A number as its source text. */
export class JsonNumber {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }

  toNumber (): number {
    return Number(this.text)
  }
}
