import { z } from 'zod'
import { configSchema } from './schema.js'

/** The text of config/gateway.schema.json: what editors check a configuration file against. */
export function gatewayJsonSchemaText (): string {
  return JSON.stringify(z.toJSONSchema(configSchema, { io: 'input' }), null, 2) + '\n'
}
