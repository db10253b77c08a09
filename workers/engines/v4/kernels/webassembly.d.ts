/** The part of the WebAssembly JavaScript API that the kernels use; Node's types leave it to the DOM library. */
declare namespace WebAssembly {
  class Memory {
    constructor (descriptor: { initial: number, maximum: number, shared: true })
    readonly buffer: SharedArrayBuffer
    grow (pages: number): number
  }
  class Module {
    constructor (bytes: Uint8Array)
  }
  class Instance {
    constructor (module: Module, imports: Record<string, Record<string, unknown>>)
    readonly exports: Record<string, unknown>
  }
  function validate (bytes: Uint8Array): boolean
}
