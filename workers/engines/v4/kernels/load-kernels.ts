import { readFileSync } from 'node:fs'
import { type Arena } from './arena.js'
import { type Kernels } from './kernels.js'
import { ReferenceKernels } from './reference/reference-kernels.js'
import { type KernelExports, WasmKernels } from './wasm/wasm-kernels.js'

type WasmName = 'simd' | 'relaxed-simd'

const files: Readonly<Record<WasmName, URL>> = {
  simd: new URL('./wasm/kernels.wasm', import.meta.url),
  'relaxed-simd': new URL('./wasm/kernels-relaxed.wasm', import.meta.url)
}
const modules = new Map<WasmName, WebAssembly.Module | null>()

/**
 * Kernels bound to an arena.
 * @param name by default the fastest ones that this runtime can run: relaxed SIMD where V8 has it (Node 22 and up), else SIMD
 * @throws RangeError when the named ones cannot run here
 */
export function loadKernels (arena: Arena, name: Kernels['name'] = compile('relaxed-simd') === null ? 'simd' : 'relaxed-simd'): Kernels {
  if (name === 'reference') return new ReferenceKernels(arena)
  const module = compile(name)
  if (module === null) throw new RangeError(`this runtime has no WebAssembly ${name}`)
  const { exports } = new WebAssembly.Instance(module, { env: { memory: arena.memory } })
  return new WasmKernels(name, arena, exports as unknown as KernelExports)
}

/** null when this runtime lacks the instructions. */
function compile (name: WasmName): WebAssembly.Module | null {
  const known = modules.get(name)
  if (known !== undefined) return known
  const bytes = readFileSync(files[name])
  const module = WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null
  modules.set(name, module)
  return module
}
