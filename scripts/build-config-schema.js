/** Writes config/gateway.schema.json from the zod schema (built code). A test proves that it is fresh. */
import { writeFileSync } from 'node:fs'
import { gatewayJsonSchemaText } from '../dist/src/config/json-schema.js'

writeFileSync(new URL('../config/gateway.schema.json', import.meta.url), gatewayJsonSchemaText())
