import { type Arena } from './arena.js'
import { type Kernels } from './kernels.js'
import { ReferenceKernels } from './reference/reference-kernels.js'

/** The fastest kernels that this runtime can run, or the named ones. */
export function loadKernels (arena: Arena, _name?: Kernels['name']): Kernels {
  return new ReferenceKernels(arena)
}
