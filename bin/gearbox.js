#!/usr/bin/env node
/** Builds what is stale (a fresh clone, an edited file), then hands over to the command line in src/cli. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const isCheckout = existsSync(fileURLToPath(new URL('src/cli/main.ts', root)))
if (isCheckout) await import(new URL('scripts/build.js', root).href)
await import(new URL('dist/src/cli/main.js', root).href)
