/**
 * Turns every TypeScript file into JavaScript under dist/, same tree, with source maps.
 *
 * Types are only erased here (`npm run typecheck` is what checks them), so that an install
 * without development packages can build itself in well under a second. Assets that code loads
 * by a path beside itself (.wasm, .bin, .json) are copied along. Files whose source is gone leave dist/ too. The console is
 * built by its own script.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const builtConsole = join(dist, 'console', '/')
const sourceFolders = ['src', 'workers', 'test', 'benchmarks'].filter(folder => existsSync(join(root, folder)))
const copied = new Set(['.wasm', '.bin', '.json'])
/** AssemblyScript is compiled by its own script; packages of their own (test/parity) build themselves. */
const ignoredFolders = new Set(['assembly', 'node_modules', 'fixtures', 'parity', 'peer'])

function listFiles (folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : listFiles(path)
    return [path]
  })
}

const files = sourceFolders.flatMap(folder => listFiles(join(root, folder)))
const scripts = files.filter(file => extname(file) === '.ts' && !file.endsWith('.d.ts'))
const assets = files.filter(file => copied.has(extname(file)))
const targetOf = file => join(dist, relative(root, file).replace(/\.ts$/, '.js'))

const wanted = new Set([...scripts, ...assets].map(targetOf))
if (existsSync(dist)) {
  for (const file of listFiles(dist).filter(file => !file.startsWith(builtConsole))) {
    if (!wanted.has(file.replace(/\.map$/, ''))) rmSync(file)
  }
}

const isStale = file => !existsSync(targetOf(file)) || statSync(targetOf(file)).mtimeMs < statSync(file).mtimeMs
await build({
  entryPoints: scripts.filter(isStale),
  outbase: root,
  outdir: dist,
  bundle: false,
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'error'
})
for (const asset of assets.filter(isStale)) {
  mkdirSync(dirname(targetOf(asset)), { recursive: true })
  cpSync(asset, targetOf(asset))
}
await import('./build-console.js')
