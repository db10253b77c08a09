/** `gearbox plan`: whether a tier fits the hardware one has, how it would be started, and how fast others saw it run. */
import { parseArgs } from 'node:util'
import { fitMachine, flashBuilds, type MachineFit } from '../plan/fit-machine.js'
import type { Demand } from '../plan/fit-gpus.js'
import { acceleratorNames, findAccelerator, type Accelerator } from '../plan/hardware.js'
import { commandLine, launchOf, type PlannedEngine } from '../plan/launch-command.js'
import { makeGpuPlan, type GpuPlan, type GpuRequest } from '../plan/make-plan.js'
import { composeOf, gatewaySettingsOf, kubernetesOf } from '../plan/manifests.js'
import { printFit, printMachineFit, printMachineSpeeds, printSpeed, printWayOut } from '../plan/print-plan.js'
import { CliInputError } from './cli-input-error.js'
import type { CliIo } from './cli-io.js'
import { requiredFlag, wholeFlag, wordFlag } from './engine-flags.js'

type Manifest = 'compose' | 'kubernetes' | 'none'

/** @throws CliInputError for flags that make no sense, and for a plan that cannot be (after its arithmetic was written) */
export async function runPlan (argv: string[], io: CliIo): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      tier: { type: 'string' },
      gpus: { type: 'string' },
      machine: { type: 'string' },
      context: { type: 'string', default: '128k' },
      concurrency: { type: 'string' },
      revision: { type: 'string', default: '0731' },
      parallelism: { type: 'string', default: 'auto' },
      engine: { type: 'string', default: 'both' },
      manifest: { type: 'string', default: 'compose' }
    }
  })
  const tier = wordFlag('tier', requiredFlag('tier', values.tier), ['flash', 'pro'])
  if ((values.gpus === undefined) === (values.machine === undefined)) throw new CliInputError('give either --gpus, as 8xH200, or --machine, as 192GB')
  const contextTokens = contextOf(values.context)
  if (values.machine !== undefined) {
    const concurrency = wholeFlag('concurrency', values.concurrency ?? '1', 1)
    return planMachine(tier, memoryOf(values.machine), { contextTokens, concurrency }, io)
  }
  const { accelerator, gpuCount } = gpusOf(values.gpus ?? '')
  const parallelism = wordFlag('parallelism', values.parallelism, ['auto', 'tensor', 'data'])
  const engine = wordFlag('engine', values.engine, ['both', 'vllm', 'sglang'])
  planGpus({
    tier,
    revision: wordFlag('revision', values.revision, ['0731', 'preview']),
    accelerator,
    gpuCount,
    parallelism: parallelism === 'auto' ? null : parallelism,
    contextTokens,
    concurrency: wholeFlag('concurrency', values.concurrency ?? '8', 1)
  }, engine === 'both' ? ['vllm', 'sglang'] : [engine], wordFlag('manifest', values.manifest, ['compose', 'kubernetes', 'none']), io)
}

function planGpus (request: GpuRequest, engines: PlannedEngine[], manifest: Manifest, io: CliIo): void {
  const { accelerator, gpuCount, contextTokens, concurrency } = request
  const plan = makeGpuPlan(request)
  const print = (lines: string[]): void => io.write(`${lines.join('\n')}\n\n`)
  print([`${plan.model.repository} on ${gpuCount}x ${accelerator.name}, ${concurrency} sequences of ${contextTokens} tokens`])
  for (const fit of plan.kind === 'fits' ? [plan.fit] : plan.tried) print(printFit(fit, accelerator))
  if (plan.kind === 'impossible') {
    if (plan.tried.length > 0) print(printWayOut(plan.tried, request))
    throw new CliInputError(`this plan is impossible: ${plan.reason}`)
  }
  print([`Chosen: ${plan.reason}.`, ...cautions(plan, accelerator, contextTokens)])
  print(printSpeed(plan.model, accelerator, gpuCount))
  for (const engine of engines) printLaunch(engine, plan, request, manifest, print)
}

function printLaunch (engine: PlannedEngine, { model, fit }: Extract<GpuPlan, { kind: 'fits' }>, request: GpuRequest, manifest: Manifest, print: (lines: string[]) => void): void {
  const launch = launchOf(engine, { model, accelerator: request.accelerator, fit, demand: request })
  const isMany = launch.argumentsByNode.length > 1
  print([`## ${engine}`, '', ...launch.argumentsByNode.map((_, node) => (isMany ? `node ${node}: ` : '') + commandLine(launch, node))])
  if (manifest === 'kubernetes' && launch.argumentsByNode.length > 2 && fit.parallelism === 'data') print(['A LeaderWorkerSet has one template for all workers, and these nodes differ in their first rank: start each node as above.'])
  else if (manifest === 'compose' && isMany) print(['One compose file cannot span nodes: use --manifest kubernetes, or start each node as above.'])
  else if (manifest !== 'none') print([`# ${manifest}`, (manifest === 'compose' ? composeOf : kubernetesOf)(model, launch).trimEnd()])
  print(['# gateway.yaml', gatewaySettingsOf(model, launch, request.contextTokens).trimEnd()])
}

function cautions ({ model }: GpuPlan, { name }: Accelerator, contextTokens: number): string[] {
  return [
    ...(model.tier === 'pro' && name === 'H200' && contextTokens > 86_016
      ? ['Recipes for Pro on 8x H200 disagree (86,016, 200,000 and 800,000 tokens): send one synthetic prompt of full length before you trust this.']
      : []),
    ...(contextTokens < 393_216 ? ['The effort max wants a context of 393,216 tokens or more.'] : [])
  ]
}

function planMachine (tier: 'flash' | 'pro', memoryBytes: number, demand: Demand, io: CliIo): void {
  if (tier === 'pro') throw new CliInputError('this plan is impossible: at 2 bits, the fewest there are, Pro is for machines of 512 GB; --machine plans Flash')
  const fits = flashBuilds.map(build => fitMachine(build, memoryBytes, demand))
  io.write(`DeepSeek V4 Flash on one machine of ${memoryBytes / 2 ** 30} GiB, ${demand.concurrency} sequences of ${demand.contextTokens} tokens\n\n`)
  io.write(`${fits.flatMap(fit => printMachineFit(fit, demand)).join('\n')}\n\n`)
  const best = fits.find(({ fits: isFitting }) => isFitting)
  if (best === undefined) throw new CliInputError('this plan is impossible: no build of Flash fits; see the sums above')
  io.write(`Chosen: ${best.build.name}, the best that fits.\n\n${localLaunch(best, demand).join('\n')}\n\n`)
  io.write(`${printMachineSpeeds().join('\n')}\n`)
}

function localLaunch ({ build }: MachineFit, { contextTokens, concurrency }: Demand): string[] {
  const llama = [
    `llama-server -m DeepSeek-V4-Flash-MXFP4.gguf -c ${contextTokens * concurrency} -np ${concurrency} --host 127.0.0.1 --port 8081 --metrics --slots`,
    '# gateway.yaml, tiers.flash.workers:  - { engine: llama-server, url: http://127.0.0.1:8081 }',
    '# or inside a worker of ours:         - { engine: llama, path: DeepSeek-V4-Flash-MXFP4.gguf, contextTokens: ' + `${contextTokens}, sequences: ${concurrency} }`
  ]
  const ds4 = [
    `./ds4-server -m ${build.engine === 'ds4' ? build.name : 'ds4f-q4'}.gguf --ctx ${contextTokens} --batched-session ${concurrency} --host 127.0.0.1 --port 8082`,
    '# gateway.yaml, tiers.flash.workers:  - { engine: openai, url: http://127.0.0.1:8082/v1, model: deepseek-v4-flash }',
    '# ds4 speaks chat only: it counts for itself, and an answer that breaks off is not resumed.'
  ]
  return build.engine === 'ds4' ? ds4 : [...llama, '', 'Or by ds4, where its q4 fits:', ...ds4]
}

function gpusOf (text: string): { accelerator: Accelerator, gpuCount: number } {
  const [, count = '', name = ''] = /^(\d+)x(.+)$/i.exec(text) ?? []
  const accelerator = findAccelerator(name)
  if (accelerator === null) throw new CliInputError(`--gpus must be a number, x and one of ${acceleratorNames.join(', ')}, not ${text}`)
  return { accelerator, gpuCount: wholeFlag('gpus', count, 1) }
}

/** 256k = 262,144 tokens, 1m = 1,048,576. */
function contextOf (text: string): number {
  const [, count, unit = ''] = /^(\d+)([km]?)$/i.exec(text) ?? []
  const tokens = Number(count) * (unit === '' ? 1 : unit.toLowerCase() === 'k' ? 1024 : 1024 ** 2)
  if (!Number.isSafeInteger(tokens) || tokens < 256) throw new CliInputError(`--context must be a number of tokens from 256 on, as 262144, 256k or 1m, not ${text}`)
  return tokens
}

/** Memory is sold in powers of two, whatever it is written as. */
function memoryOf (text: string): number {
  const [, count] = /^(\d+)\s*(?:gb|gib|g)?$/i.exec(text) ?? []
  if (count === undefined) throw new CliInputError(`--machine must be an amount of memory, as 192GB, not ${text}`)
  return Number(count) * 2 ** 30
}
