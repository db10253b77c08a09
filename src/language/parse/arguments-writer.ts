/**
 * Turns the parameters of one call into its `arguments`, piece by piece as they arrive: strings at once, JSON when it is
 * whole and proves to be JSON. Nothing written is ever taken back (V4 encoding, section 9.2).
 */
import type { ToolDefinition } from '../conversation.js'
import type { JsonObject, JsonValue } from '../json/json-value.js'
import { toCompactJson } from '../json/plain-json.js'
import { parseJson } from '../json/parse-json.js'
import { excludesStrings, parametersOfTool, typeNamesOf, typesOf } from './parameter-types.js'

interface Parameter {
  name: string
  /** `streamed` text is written as it comes; the others wait for their end; `ignored` repeats a name. */
  kind: 'streamed' | 'string' | 'json' | 'typed' | 'ignored'
  /** Of `typed`: what its schema allows. */
  types: string[]
  text: string
}

/** Models wrap the arguments in one of these now and then. */
const wrapperNames = ['arguments', 'input']

export class ArgumentsWriter {
  readonly #schemas: JsonObject | null
  readonly #write: (json: string) => void
  readonly #names = new Set<string>()
  #open: Parameter | null = null
  /** A first parameter that may be a wrapper, until it is known whether it stands alone. */
  #held: Parameter | null = null
  #isEmpty = true
  /** The body was one JSON object. */
  #isWhole = false

  constructor (tool: ToolDefinition | undefined, write: (json: string) => void) {
    this.#schemas = parametersOfTool(tool)
    this.#write = write
  }

  /** `isString` null: the model did not say. */
  openParameter (name: string, isString: boolean | null): void {
    const parameter = this.#parameterOf(name, isString)
    this.#open = parameter
    if (parameter.kind === 'ignored') return
    this.#releaseHeld()
    if (this.#names.size === 0 && this.#mayWrap(name)) {
      if (parameter.kind === 'streamed') parameter.kind = 'string'
      this.#held = parameter
    }
    this.#names.add(name)
    if (parameter.kind === 'streamed') this.#writeMember(name, '"')
  }

  addText (text: string): void {
    if (this.#open?.kind === 'streamed') this.#write(JSON.stringify(text).slice(1, -1))
    else if (this.#open !== null && this.#open.kind !== 'ignored') this.#open.text += text
  }

  closeParameter (): void {
    const parameter = this.#open
    this.#open = null
    if (parameter === null || parameter.kind === 'ignored' || parameter === this.#held) return
    if (parameter.kind === 'streamed') this.#write('"')
    else this.#writeMember(parameter.name, valueOf(parameter))
  }

  /** A body that is one JSON object instead of parameters; anything else counts as no arguments. */
  addObject (json: string): void {
    const object = parsed(json)
    if (!(object instanceof Map)) return
    const [member] = object
    const isWrapper = member !== undefined && object.size === 1 && this.#mayWrap(member[0])
    const inner = isWrapper ? this.#unwrap(typeof member[1] === 'string' ? member[1] : toCompactJson(member[1])) : null
    this.#write((inner ?? json).trim())
    this.#isWhole = true
  }

  /** After the last parameter was closed. */
  finish (): void {
    if (this.#isWhole) return
    const inner = this.#held !== null ? this.#unwrap(this.#held.text) : null
    if (inner !== null) {
      this.#write(inner.trim())
      return
    }
    this.#releaseHeld()
    this.#write(this.#isEmpty ? '{}' : '}')
  }

  #parameterOf (name: string, isString: boolean | null): Parameter {
    if (this.#names.has(name)) return { name, kind: 'ignored', types: [], text: '' }
    const types = typesOf(this.#schemas?.get(name))
    // Text whose schema allows no string is coerced when it fits; where a string is allowed it stays one.
    if (excludesStrings(types)) return { name, kind: isString === true ? 'typed' : 'json', types, text: '' }
    return { name, kind: isString === false ? 'json' : 'streamed', types: [], text: '' }
  }

  #mayWrap (name: string): boolean {
    return wrapperNames.includes(name) && this.#schemas !== null && !this.#schemas.has(name)
  }

  /** The text of the inner object when all its keys are parameters of the tool, else null. */
  #unwrap (text: string): string | null {
    const inner = parsed(text)
    if (!(inner instanceof Map)) return null
    return Array.from(inner.keys()).every(key => this.#schemas?.has(key) === true) ? text : null
  }

  #releaseHeld (): void {
    const held = this.#held
    this.#held = null
    if (held !== null) this.#writeMember(held.name, valueOf(held))
  }

  #writeMember (name: string, value: string): void {
    this.#write(`${this.#isEmpty ? '{' : ', '}${JSON.stringify(name)}: ${value}`)
    this.#isEmpty = false
  }
}

function valueOf ({ kind, text, types }: Parameter): string {
  const value = kind === 'string' ? undefined : parsed(text)
  if (value === undefined) return JSON.stringify(text)
  return kind === 'json' || typeNamesOf(value).some(name => types.includes(name)) ? text : JSON.stringify(text)
}

function parsed (text: string): JsonValue | undefined {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
