/**
 * Compiles the AssemblyScript kernels of the V4 engine into the two .wasm files that are committed beside them:
 * plain SIMD, and relaxed SIMD (fused multiply-add) for runtimes that have it. Run it after editing anything in
 * workers/engines/v4/kernels/wasm/assembly; a test compares its output with the committed files.
 *
 * node scripts/build-kernels.js [output folder]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'workers/engines/v4/kernels/wasm')
const target = resolve(process.argv[2] ?? folder)

const variants = [
  { file: 'kernels.wasm', features: ['simd', 'threads'] },
  { file: 'kernels-relaxed.wasm', features: ['simd', 'threads', 'relaxed-simd'] }
]

for (const { file, features } of variants) {
  const { error, stdout, stderr } = await asc.main([
    'index.ts',
    '--outFile', 'out.wasm',
    '--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536',
    '--runtime', 'stub', '--noAssert', '-O3', '--converge', '--zeroFilledMemory',
    ...features.flatMap(feature => ['--enable', feature])
  ], {
    readFile: (name, base) => {
      try {
        return readFileSync(join(folder, 'assembly', base ?? '.', name), 'utf8')
      } catch {
        return null
      }
    },
    writeFile: (_name, contents) => writeFileSync(join(target, file), contents),
    listFiles: () => []
  })
  if (error) {
    process.stderr.write(`${file}: ${error.message}\n${stdout.toString()}${stderr.toString()}`)
    process.exitCode = 1
  }
}
