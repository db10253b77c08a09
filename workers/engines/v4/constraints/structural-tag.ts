/**
 * Structural tags: answers of text, tags and schemas, as xgrammar describes them (its documentation, "Structural tag"),
 * so that one constraint serves every engine that knows them. Here: const_string, json_schema, regex, sequence, or,
 * tag, tags_with_separator, and, as the whole format, triggered_tags of one trigger.
 */
import { dsml } from '../../../../src/language/control-tokens.js'
import { z } from 'zod'
import { utf8 } from './code-points.js'
import { ConstraintError } from './constraint-error.js'
import { choice, type Expression, markup, optional, repeat, sequence } from './expression.js'
import { regexGrammar } from './regex-grammar.js'
import { type RuleBook } from './rule-book.js'
import { SchemaGrammar } from './schema-grammar.js'
import { ToolParameters } from './tool-parameters.js'

export interface TagGrammar {
  readonly root: Expression
  /** Free text goes before the grammar until this is written; null = the grammar begins at once. */
  readonly trigger: string | null
}

type Format =
  | { type: 'const_string', value: string }
  | { type: 'json_schema', json_schema: unknown, style: 'json' | 'deepseek_xml' }
  | { type: 'regex', pattern: string }
  | { type: 'sequence' | 'or', elements: Format[] }
  | Tag
  | { type: 'tags_with_separator', tags: Tag[], separator: string, at_least_one: boolean, stop_after_first: boolean }

interface Tag {
  type: 'tag'
  begin: string
  content: Format
  end: string
}

const formatSchema: z.ZodType<Format> = z.lazy(() => z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('const_string'), value: z.string() }),
  z.strictObject({ type: z.literal('json_schema'), json_schema: z.unknown(), style: z.enum(['json', 'deepseek_xml']).default('json') }),
  z.strictObject({ type: z.literal('regex'), pattern: z.string() }),
  z.strictObject({ type: z.enum(['sequence', 'or']), elements: z.array(formatSchema).min(1) }),
  tagSchema,
  z.strictObject({ type: z.literal('tags_with_separator'), tags: z.array(tagSchema).min(1), separator: z.string(), at_least_one: z.boolean().default(false), stop_after_first: z.boolean().default(false) })
]))

const tagSchema = z.strictObject({ type: z.literal('tag').default('tag'), begin: z.string(), content: formatSchema, end: z.string() })

const triggeredSchema = z.strictObject({
  type: z.literal('triggered_tags'),
  triggers: z.array(z.string().min(1)).length(1),
  tags: z.array(tagSchema).min(1),
  at_least_one: z.literal(false).default(false),
  /** After the first tag nothing comes. */
  stop_after_first: z.literal(true)
})

const structuralTagSchema = z.strictObject({ type: z.literal('structural_tag').default('structural_tag'), format: z.union([triggeredSchema, formatSchema]) })

/** @throws ConstraintError naming what cannot be honoured */
export function tagGrammar (tag: unknown, book: RuleBook): TagGrammar {
  const { data, error } = structuralTagSchema.safeParse(tag)
  if (data === undefined) throw new ConstraintError(`structural tag: ${z.prettifyError(error)}`)
  const writer = new TagWriter(book)
  if (data.format.type !== 'triggered_tags') return { root: writer.format(data.format, 'format'), trigger: null }
  const { triggers: [trigger = ''], tags } = data.format
  const rests = tags.map((tag, index) => {
    if (!tag.begin.startsWith(trigger)) throw new ConstraintError(`structural tag: format.tags[${index}].begin: does not start with the trigger`)
    return writer.format({ ...tag, begin: tag.begin.slice(trigger.length) }, `format.tags[${index}]`)
  })
  return { root: choice(...rests), trigger }
}

class TagWriter {
  readonly #book: RuleBook

  constructor (book: RuleBook) {
    this.#book = book
  }

  format (format: Format, where: string): Expression {
    switch (format.type) {
      case 'const_string': return markup(format.value)
      case 'json_schema': return this.#schema(format, where)
      case 'regex': return regexGrammar(format.pattern, { spell: utf8, match: 'whole', where })
      case 'sequence': return sequence(...format.elements.map((element, index) => this.format(element, `${where}.elements[${index}]`)))
      case 'or': return choice(...format.elements.map((element, index) => this.format(element, `${where}.elements[${index}]`)))
      case 'tag': return sequence(markup(format.begin), this.format(format.content, nameOf(format) ?? `${where}.content`), markup(format.end))
      case 'tags_with_separator': return this.#list(format, where)
    }
  }

  #schema ({ json_schema: schema, style }: Extract<Format, { type: 'json_schema' }>, where: string): Expression {
    if (style === 'deepseek_xml') return new ToolParameters(schema, this.#book, where).toExpression()
    return new SchemaGrammar(schema, this.#book).value(schema, where)
  }

  #list ({ tags, separator, at_least_one: hasOne, stop_after_first: isSingle }: Extract<Format, { type: 'tags_with_separator' }>, where: string): Expression {
    const item = this.#book.add(choice(...tags.map((tag, index) => this.format(tag, `${where}.tags[${index}]`))))
    const items = isSingle ? item : sequence(item, repeat(sequence(markup(separator), item), 0, Infinity))
    return hasOne ? items : optional(items)
  }
}

/** Callers know their tools by name, not by their place in a tag. */
function nameOf ({ begin }: Tag): string | null {
  const name = begin.startsWith(`<${dsml}invoke name="`) ? begin.split('"')[1] : undefined
  return name === undefined ? null : `tool ${name}: parameters`
}
