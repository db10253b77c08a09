import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { z } from 'zod'

/** A JSON Schema as far as these tests read one. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  additionalProperties?: boolean | Schema
  pattern?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  maxItems?: number
}

export interface OpenApiDocument {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
  components: { schemas: Record<string, Schema> }
}

/** This file runs as dist/test/docs/openapi-document.js. */
export const openApi = parse(readFileSync(join(import.meta.dirname, '../../../openapi.yaml'), 'utf8')) as OpenApiDocument

export function resolve (schema: Schema): Schema {
  if (schema.$ref === undefined) return schema
  const target = openApi.components.schemas[schema.$ref.replace('#/components/schemas/', '')]
  if (target === undefined) throw new Error(`no schema ${schema.$ref}`)
  return resolve(target)
}

/** The schema with every reference replaced by what it refers to. Only for schemas that do not contain themselves. */
export function inlined (given: Schema): z.core.JSONSchema.JSONSchema {
  const replace = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(replace)
    if (typeof node !== 'object' || node === null) return node
    const target = '$ref' in node && typeof node.$ref === 'string' ? resolve(node as Schema) : node
    return Object.fromEntries(Object.entries(target).map(([key, value]) => [key, replace(value)]))
  }
  return replace(given) as z.core.JSONSchema.JSONSchema
}
