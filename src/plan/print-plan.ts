/** Plans as text for a terminal, arithmetic first. */
import type { Demand, GpuFit } from './fit-gpus.js'
import type { MachineFit } from './fit-machine.js'
import { flashBytesPerToken, machineSpeeds, reserveBytes } from './fit-machine.js'
import type { Accelerator } from './hardware.js'
import { publishedSpeed } from './published-speed.js'
import type { ServedModel } from './served-model.js'

export function gigabytes (bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}

function gibibytes (bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

/** The sum of one GPU, line by line. */
export function printFit (fit: GpuFit, accelerator: Accelerator): string[] {
  const needed = fit.sequencesPerGpu * fit.bytesPerSequence
  const line = (label: string, bytes: number, how: string): string => `  ${label.padEnd(28)}${gigabytes(bytes).padStart(10)}   ${how}`
  return [
    `${fit.parallelism === 'tensor' ? 'tensor + expert' : 'data + expert'} parallelism over ${fit.gpuCount}, on each ${accelerator.name}:`,
    line('memory to use', fit.budgetBytes, `${gigabytes(accelerator.memoryBytes)} x ${fit.utilisation}`),
    line('- weights', fit.weightBytes, 'its share of the checkpoint, drafter included'),
    line('- runtime', fit.runtimeBytes, 'graphs, libraries, collectives (rule of thumb)'),
    line('- indexer scratch', fit.scratchBytes, `${fit.chunkTokens} tokens a step x context`),
    line('= left for caches', fit.cacheBytes, ''),
    line(`needed for ${fit.sequencesPerGpu} sequences`, needed, `${gigabytes(fit.bytesPerSequence)} each (${fit.cacheFormat})${fit.parallelism === 'tensor' ? ', all of them on every GPU' : ''}`),
    fit.fits
      ? `  fits: ${gigabytes(fit.cacheBytes - needed)} to spare, up to ${fit.mostSequences} sequences of this length`
      : `  does not fit: ${gigabytes(needed - fit.cacheBytes)} short per GPU`
  ]
}

/** What would fit instead. */
export function printWayOut (tried: readonly GpuFit[], { contextTokens, concurrency }: Demand): string[] {
  const mostSequences = Math.max(0, ...tried.map(fit => fit.mostSequences))
  const mostContext = Math.max(0, ...tried.map(fit => fit.mostContextTokens))
  if (mostSequences === 0 && mostContext === 0) return ['The weights alone leave no room: more GPUs, or larger ones.']
  return [
    'What would fit on these GPUs:',
    ...(mostSequences > 0 ? [`  ${mostSequences} sequences instead of ${concurrency} at ${contextTokens} tokens`] : []),
    ...(mostContext > 0 ? [`  ${mostContext} tokens instead of ${contextTokens} for ${concurrency} sequences`] : [])
  ]
}

export function printSpeed ({ tier }: ServedModel, accelerator: Accelerator, gpuCount: number): string[] {
  const speed = publishedSpeed(tier, accelerator.name, gpuCount)
  if (speed === null) return [`Expected speed: nothing was published for ${gpuCount}x ${accelerator.name}; measure it.`]
  return [
    `Expected speed (${speed.setup}; ${speed.source}; measured by others):`,
    `  first token of 8,192: ${speed.firstTokenMs} ms; one stream: ${speed.streamAlone} tokens/s; each of 16: ${speed.streamOfSixteen} tokens/s`,
    `  whole engine set for throughput: ${speed.perGpu} tokens/s per GPU, prompt and answer together`
  ]
}

export function printMachineFit ({ build, cacheBytes, scratchBytes, totalBytes, availableBytes, fits }: MachineFit, { concurrency }: Demand): string[] {
  return [
    `${build.name}, ${build.quality}, by ${build.engine}:`,
    `  ${gibibytes(build.fileBytes)} file + ${gibibytes(cacheBytes)} for ${concurrency} caches (${build.cacheFormat}) + ${gibibytes(scratchBytes)} scratch = ${gibibytes(totalBytes)}`,
    `  ${fits ? 'fits into' : 'does not fit into'} ${gibibytes(availableBytes)} (memory less ${gibibytes(reserveBytes)} for the system)`
  ]
}

export function printMachineSpeeds (): string[] {
  return [
    'Measured by others on one machine (tokens/s):',
    ...machineSpeeds.map(({ setup, decode, prefill, source }) => `  ${setup}: decode ${decode}, prefill ${prefill} (${source})`),
    `Ceiling of decode: memory bandwidth / ${gigabytes(flashBytesPerToken)} a token, e.g. 819 GB/s -> ${Math.round(819e9 / flashBytesPerToken)} tokens/s.`,
    'A figure of 22 tokens/s that goes with "145 GB at 4 bits" was never traced to a measurement.'
  ]
}
