/**
 * From a schema's complaint to the one error a client sees.
 *
 * DeepSeek answers 422 to a wrong type or an unknown variant (its deserialiser), 400 to a value it understands but
 * will not take; clients match on both the status and the words.
 */
import type { z } from 'zod'
import { GatewayError } from '../errors.js'

const typeComplaints: ReadonlySet<string> = new Set(['invalid_type', 'invalid_value', 'invalid_union'])
const prefix = 'Failed to deserialize the JSON body into the target type'

/** @throws GatewayError invalid_type, invalid_value, missing_required_parameter */
export function parseOrThrow<Schema extends z.ZodType> (schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  if (issue === undefined) throw new GatewayError('invalid_type', prefix)
  throw toValidationError(issue, value)
}

function toValidationError (outer: z.core.$ZodIssue, root: unknown): GatewayError {
  const { issue, path } = deepestIssue(outer, outer.path)
  const parameter = pathText(path)
  const received = valueAt(root, path)
  const where = parameter === '' ? prefix : `${prefix}: ${parameter}`
  const details = parameter === '' ? {} : { parameter }

  if (!typeComplaints.has(issue.code)) {
    return new GatewayError('invalid_value', issue.message.startsWith('Invalid ') ? issue.message : `Invalid ${parameter}: ${issue.message}`, details)
  }
  if (received === undefined && path.length > 0) {
    return new GatewayError('missing_required_parameter', `${prefix}: missing field \`${parameter}\``, details)
  }
  const variants = variantsOf(issue)
  if (variants !== null && typeof received === 'string') {
    return new GatewayError('invalid_type', `${where}: unknown variant \`${received.slice(0, 80)}\`, expected one of ${variants}`, details)
  }
  return new GatewayError('invalid_type', `${where}: invalid type: ${typeName(received)}, expected ${expectation(issue, variants)}`, details)
}

/** The branch of a union that got furthest, or whose type was right, is the one the caller meant. */
function deepestIssue (issue: z.core.$ZodIssue, path: PropertyKey[]): { issue: z.core.$ZodIssue, path: PropertyKey[] } {
  if (issue.code !== 'invalid_union') return { issue, path }
  const branches = issue.errors.flatMap(issues => issues.slice(0, 1))
    .map(inner => deepestIssue(inner, [...path, ...inner.path]))
    .filter(branch => branch.path.length > path.length || !typeComplaints.has(branch.issue.code))
    .sort((first, second) => second.path.length - first.path.length)
  return branches[0] ?? { issue, path }
}

function variantsOf (issue: z.core.$ZodIssue): string | null {
  if (issue.code === 'invalid_value') return issue.values.map(value => `\`${String(value)}\``).join(', ')
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options !== undefined) return issue.options.map(value => `\`${String(value)}\``).join(', ')
  return null
}

function expectation (issue: z.core.$ZodIssue, variants: string | null): string {
  if (variants !== null) return `one of ${variants}`
  if (issue.code === 'invalid_type') return issue.expected
  return 'another type'
}

function typeName (value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

function pathText (path: PropertyKey[]): string {
  return path.map((step, position) => typeof step === 'number' ? `[${step}]` : `${position === 0 ? '' : '.'}${String(step)}`).join('')
}

function valueAt (root: unknown, path: PropertyKey[]): unknown {
  let node = root
  for (const step of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined
    node = (node as Record<PropertyKey, unknown>)[step]
  }
  return node
}
