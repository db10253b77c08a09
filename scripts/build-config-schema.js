/** Writes config/gateway.schema.json and docs/configuration.md from the zod schema (built code). Tests prove that both are fresh. */
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationPage } from '../dist/src/config/configuration-page.js'
import { gatewayJsonSchemaText } from '../dist/src/config/json-schema.js'

const yaml = readFileSync(new URL('../config/gateway.yaml', import.meta.url), 'utf8')
writeFileSync(new URL('../config/gateway.schema.json', import.meta.url), gatewayJsonSchemaText())
writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage(yaml))
