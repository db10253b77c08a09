/**
 * Builds the operator's page (console/) into dist/console with Vite, when its sources are newer than what is there. In an
 * install without development packages there is no Vite, and the page says so itself.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'console')
/** Written last. */
const built = join(root, 'dist/console/index.html')

const isThere = existsSync(source) && existsSync(join(root, 'node_modules/vite'))
if (isThere && isStale()) {
  const { build } = await import('vite')
  await build({ configFile: join(source, 'vite.config.ts'), logLevel: 'warn' })
}

function isStale () {
  if (!existsSync(built)) return true
  const builtAt = statSync(built).mtimeMs
  const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  // An update of its packages changes the lock file.
  return [...files.map(entry => join(entry.parentPath, entry.name)), join(root, 'package-lock.json')].some(file => statSync(file).mtimeMs > builtAt)
}
