/** Accelerators that V4 has been run on. Memory is what the maker prints, in decimal bytes. */
export type Generation = 'hopper' | 'blackwell' | 'workstation' | 'cdna'

export interface Accelerator {
  name: string
  memoryBytes: number
  /** GPUs that share one fast link; more than that is several nodes. */
  perNode: number
  generation: Generation
}

const accelerators: Accelerator[] = [
  { name: 'H100', memoryBytes: 80e9, perNode: 8, generation: 'hopper' },
  { name: 'H200', memoryBytes: 141e9, perNode: 8, generation: 'hopper' },
  { name: 'B200', memoryBytes: 192e9, perNode: 8, generation: 'blackwell' },
  { name: 'B300', memoryBytes: 288e9, perNode: 8, generation: 'blackwell' },
  { name: 'GB200', memoryBytes: 192e9, perNode: 4, generation: 'blackwell' },
  { name: 'GB300', memoryBytes: 288e9, perNode: 4, generation: 'blackwell' },
  { name: 'RTXPRO6000', memoryBytes: 96e9, perNode: 8, generation: 'workstation' },
  { name: 'MI355X', memoryBytes: 288e9, perNode: 8, generation: 'cdna' }
]

export const acceleratorNames = accelerators.map(({ name }) => name)

/** By name, whatever its case and punctuation; null when it is not known. */
export function findAccelerator (name: string): Accelerator | null {
  const plain = name.toUpperCase().replace(/[^A-Z0-9]/g, '')
  return accelerators.find(accelerator => accelerator.name === plain) ?? null
}
