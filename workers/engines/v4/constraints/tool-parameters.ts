/**
 * The parameters of a tool call as V4 writes them (V4 encoding, section 7.1): one tag each, in the order of the schema,
 * strings as they are and all else as JSON, which the tag says. No string holds what would end its tag.
 */
import { dsml } from '../../../../src/language/control-tokens.js'
import { checkKeywords, isOfType, type JsonType, type SchemaObject } from './check-schema.js'
import { anyCodePoint, type CodePoints, codePointsOf, utf8, without } from './code-points.js'
import { ConstraintError } from './constraint-error.js'
import { call, choice, type Expression, literal, markup, optional, repeat, sequence } from './expression.js'
import { jsonLiteral } from './json-grammar.js'
import { type RuleBook } from './rule-book.js'
import { branchesOf, distinctTypes, listedValues, membersOf, SchemaGrammar } from './schema-grammar.js'
import { stringContents } from './string-contents.js'

const otherTypes: readonly JsonType[] = ['object', 'array', 'number', 'boolean', 'null']
const closer = markup(`</${dsml}parameter>\n`)
const slash = codePointsOf('/')
const bar = codePointsOf('\uff5c')

/** Any text without a slash before a bar, which a closing tag has. */
const freeText = sequence(
  repeat(choice(utf8(without(anyCodePoint, slash)), sequence(repeat(literal('/'), 1, Infinity), utf8(without(anyCodePoint, codePointsOf('/\uff5c'))))), 0, Infinity),
  repeat(literal('/'), 0, Infinity)
)

/** A character of the set in a text that is counted or follows a pattern: there the bar itself is left out. */
function rawCharacter (set: CodePoints): Expression {
  return utf8(without(set, bar))
}

/** What a parameter may be: each as it stands behind `string="`. */
interface Values {
  strings: Expression[]
  others: Expression[]
}

export class ToolParameters {
  readonly #schema: unknown
  readonly #where: string
  readonly #json: SchemaGrammar

  /** @param book must spell JSON without bars */
  constructor (schema: unknown, book: RuleBook, where: string) {
    this.#schema = schema
    this.#where = where
    this.#json = new SchemaGrammar(schema, book)
  }

  /** @throws ConstraintError naming the path of what cannot be honoured */
  toExpression (): Expression {
    return this.#body(this.#schema, this.#where, [])
  }

  #body (schema: unknown, where: string, opened: readonly string[]): Expression {
    if (schema === true) return this.#anyParameters(true, where)
    const keywords = checkKeywords(schema, where)
    if ('$ref' in keywords) {
      const target = this.#follow(keywords['$ref'], `${where}.$ref`, opened)
      return this.#body(target.schema, target.pointer, target.opened)
    }
    const branches = branchesOf(keywords, where)
    if (branches !== null) return choice(...branches.map(branch => this.#body(branch.schema, branch.where, opened)))
    const { type } = keywords
    const types: unknown[] = type === undefined ? ['object'] : Array.isArray(type) ? type : [type]
    if (!types.includes('object') || listedValues(keywords, where) !== null) throw new ConstraintError(`${where}: the parameters of a tool must be of type object`)
    return this.#object(keywords, where)
  }

  #object (keywords: SchemaObject, where: string): Expression {
    const { members, others } = membersOf(keywords, where)
    if (members.length === 0) return this.#anyParameters(others, where)
    const parts = members.map(({ name, schema, isRequired }) => {
      const path = `${where}.properties.${name}`
      if (/["｜]/.test(name) || name.length > 500) throw new ConstraintError(`${path}: this name cannot be written in a tool call`)
      const parameter = this.#parameter(literal(name), this.#values(schema, path, []), path)
      return isRequired ? parameter : optional(parameter)
    })
    const all = sequence(...parts)
    return members.some(({ isRequired }) => isRequired) ? all : choice(literal('\n'), all)
  }

  /** Any names, each with a value of this schema. */
  #anyParameters (values: unknown, where: string): Expression {
    if (values === false) return literal('', '\n')
    const name = repeat(utf8(codePointsOf('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-')), 1, 64)
    const path = `${where}.additionalProperties`
    return choice(literal('\n'), repeat(this.#parameter(name, this.#values(values, path, []), path), 0, Infinity))
  }

  #parameter (name: Expression, { strings, others }: Values, where: string): Expression {
    const values = [
      ...strings.length === 0 ? [] : [sequence(literal('true">'), choice(...strings))],
      ...others.length === 0 ? [] : [sequence(literal('false">'), choice(...others))]
    ]
    if (values.length === 0) throw new ConstraintError(`${where}: no value is allowed`)
    return sequence(markup(`<${dsml}parameter name="`), name, literal('" string="'), choice(...values), closer)
  }

  #values (schema: unknown, where: string, opened: readonly string[]): Values {
    if (schema === true) return { strings: [freeText], others: [call('other value')] }
    const keywords = checkKeywords(schema, where)
    if ('$ref' in keywords) {
      const target = this.#follow(keywords['$ref'], `${where}.$ref`, opened)
      return this.#values(target.schema, target.pointer, target.opened)
    }
    const branches = branchesOf(keywords, where)
    if (branches !== null) return together(branches.map(branch => this.#values(branch.schema, branch.where, opened)))
    const listed = listedValues(keywords, where)
    if (listed !== null) return this.#listedValues(listed, where)
    const types = distinctTypes(keywords, where)
    return {
      strings: types === null || types.includes('string') ? [rawString(keywords, where)] : [],
      others: types === null ? [call('other value')] : types.filter(type => type !== 'string').map(type => this.#json.ofType(type, keywords, where))
    }
  }

  #listedValues (values: readonly unknown[], where: string): Values {
    const strings = values.filter(value => isOfType(value, 'string')).map(String)
    if (strings.some(text => text.includes('/\uff5c'))) throw new ConstraintError(`${where}: a value with a slash before a full-width bar cannot be written in a tool call`)
    const others = values.filter(value => otherTypes.some(type => isOfType(value, type)))
    return {
      strings: strings.length === 0 ? [] : [literal(...strings)],
      others: others.length === 0 ? [] : [literal(...others.map(value => jsonLiteral(value, 'without bars')))]
    }
  }

  #follow (given: unknown, where: string, opened: readonly string[]): { schema: unknown, pointer: string, opened: string[] } {
    const { pointer, schema } = this.#json.resolve(given, where)
    if (opened.includes(pointer)) throw new ConstraintError(`${where}: ${pointer} refers to itself`)
    return { schema, pointer, opened: [...opened, pointer] }
  }
}

function rawString (keywords: SchemaObject, where: string): Expression {
  const contents = stringContents(keywords, rawCharacter, where)
  if (contents === null) return freeText
  return 'characters' in contents ? repeat(rawCharacter(anyCodePoint), contents.characters.least, contents.characters.most) : contents.pattern
}

function together (values: readonly Values[]): Values {
  return { strings: values.flatMap(({ strings }) => strings), others: values.flatMap(({ others }) => others) }
}
