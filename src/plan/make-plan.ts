/** From what is asked to what fits: which parallelism, or why none. Pure. */
import type { Tier } from '../../workers/contract/job.js'
import { fitGpus, type Demand, type GpuFit, type Parallelism } from './fit-gpus.js'
import type { Accelerator } from './hardware.js'
import { servedModel, type Revision, type ServedModel } from './served-model.js'

export interface GpuRequest extends Demand {
  tier: Tier
  revision: Revision
  accelerator: Accelerator
  gpuCount: number
  /** null = choose. */
  parallelism: Parallelism | null
}

export type GpuPlan =
  | { kind: 'fits', model: ServedModel, fit: GpuFit, reason: string, tried: GpuFit[] }
  | { kind: 'impossible', model: ServedModel, reason: string, tried: GpuFit[] }

/** Few streams want their tokens soon; many want the caches divided. */
const mostForTensor = 16

export function makeGpuPlan (request: GpuRequest): GpuPlan {
  const { accelerator, gpuCount } = request
  const model = servedModel(request.tier, request.revision)
  const asked = request.parallelism === null ? ['tensor', 'data'] as const : [request.parallelism]
  if (request.contextTokens > model.contextTokens) {
    return { kind: 'impossible', model, tried: [], reason: `the context of ${model.repository} ends at ${model.contextTokens} tokens` }
  }
  const refusals = new Map(asked.map(parallelism => [parallelism, divisionFault(model, gpuCount, parallelism)]))
  const possible = asked.filter(parallelism => refusals.get(parallelism) === null)
  if (possible.length === 0) return { kind: 'impossible', model, tried: [], reason: [...refusals.values()].join('; ') }

  const tried = possible.map(parallelism => fitGpus(model, accelerator, gpuCount, parallelism, request))
  const fitting = tried.filter(({ fits }) => fits)
  const preferred: Parallelism = request.concurrency <= mostForTensor ? 'tensor' : 'data'
  const fit = fitting.find(({ parallelism }) => parallelism === preferred) ?? fitting[0]
  if (fit === undefined) return { kind: 'impossible', model, tried, reason: 'the memory of a GPU does not hold its share' }
  return { kind: 'fits', model, fit, tried, reason: reasonOf(fit, { preferred, fitting, concurrency: request.concurrency }) }
}

function divisionFault ({ outputGroups, routedExperts }: ServedModel, gpuCount: number, parallelism: Parallelism): string | null {
  if (routedExperts % gpuCount !== 0) return `${routedExperts} experts do not divide by ${gpuCount} GPUs`
  if (parallelism === 'tensor' && outputGroups % gpuCount !== 0) return `tensor parallelism over ${gpuCount} GPUs does not divide the ${outputGroups} output groups of attention`
  return null
}

function reasonOf ({ parallelism }: GpuFit, { preferred, fitting, concurrency }: { preferred: Parallelism, fitting: GpuFit[], concurrency: number }): string {
  if (fitting.length === 1) return `only ${parallelism} parallelism fits`
  if (parallelism !== preferred) return `${preferred} parallelism does not fit`
  return parallelism === 'tensor'
    ? `${concurrency} streams at once: tensor parallelism answers each of them soonest`
    : `${concurrency} streams at once: data parallelism divides their caches between the GPUs`
}
