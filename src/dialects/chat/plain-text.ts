/**
 * Content forms to plain text. Text parts are joined by a blank line, as DeepSeek's encoder does; V4 reads text only,
 * so anything else is refused by name. A tool result is not the caller's own words: there the model is told
 * what was left out instead.
 */
import { GatewayError } from '../../errors.js'
import type { Content, ContentPart } from './message-schema.js'

const textTypes = new Set(['text', 'input_text', 'output_text'])

/** @throws GatewayError unsupported_parameter, missing_required_parameter */
export function plainText (content: Content | null | undefined, path: string): string {
  return joinParts(content, path, (part, partPath) => {
    throw new GatewayError('unsupported_parameter', `This model reads text only: content of type '${part.type.slice(0, 80)}' is not supported`, { parameter: partPath })
  })
}

export function toolResultText (content: Content | null | undefined, path: string): string {
  return joinParts(content, path, part => `[Unsupported ${part.type}]`)
}

function joinParts (content: Content | null | undefined, path: string, instead: (part: ContentPart, partPath: string) => string): string {
  if (content === null || content === undefined) return ''
  if (typeof content === 'string') return content
  return content.map((part, index) => {
    const partPath = `${path}[${index}]`
    if (part.type === 'refusal') return part.refusal ?? ''
    if (!textTypes.has(part.type)) return instead(part, partPath)
    if (typeof part.text !== 'string') throw new GatewayError('missing_required_parameter', `A text part must have its text: ${partPath}.text`, { parameter: `${partPath}.text` })
    return part.text
  }).join('\n\n')
}
