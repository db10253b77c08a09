/** xgrammar, as WebAssembly inside one file of JavaScript. Read only when the first constraint comes: it takes 0.3 s. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import type * as xgrammar from '@mlc-ai/web-xgrammar'

export type Xgrammar = typeof xgrammar

type WrappedModule = (exports: object, require: NodeJS.Require, module: object, file: string, directory: string) => void

/**
 * Version 0.1.27 is a script for browsers and CommonJS in a package that says it is made of ES modules, so that neither
 * `import` nor `require` takes it; here it gets what a CommonJS module gets.
 * @returns a new instance with its own memory
 */
export async function loadXgrammar (): Promise<Xgrammar> {
  const require = createRequire(import.meta.url)
  const file = require.resolve('@mlc-ai/web-xgrammar')
  const source = await readFile(file, 'utf8')
  const module = { exports: {} }
  // It imports node:module, which a script of node:vm may not without flags.
  // eslint-disable-next-line no-new-func
  const run = new Function('exports', 'require', 'module', '__filename', '__dirname', source) as WrappedModule
  run(module.exports, createRequire(file), module, file, dirname(file))
  return module.exports as Xgrammar
}
