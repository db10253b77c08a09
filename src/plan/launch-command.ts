/**
 * How vLLM and SGLang are started for V4, from their own recipes (vLLM recipes of August 2026, SGLang cookbook 0.5.15), with the
 * switches that Gearbox needs: token ids in and out, counts of cached tokens, deltas instead of repeated answers.
 */
import type { GpuFit, Demand } from './fit-gpus.js'
import type { Accelerator } from './hardware.js'
import type { ServedModel } from './served-model.js'

export type PlannedEngine = 'vllm' | 'sglang'

export interface LaunchInputs {
  model: ServedModel
  accelerator: Accelerator
  fit: GpuFit
  demand: Demand
}

export interface Launch {
  engine: PlannedEngine
  image: string
  environment: Record<string, string>
  /** One list per node, in order; the first is the head, which serves HTTP. */
  argumentsByNode: string[][]
  port: number
  gpusPerNode: number
}

export function launchOf (engine: PlannedEngine, inputs: LaunchInputs): Launch {
  const { accelerator, fit, model } = inputs
  const nodes = Math.ceil(fit.gpuCount / accelerator.perNode)
  const base = engine === 'vllm' ? vllmArguments(inputs) : sglangArguments(inputs)
  return {
    engine,
    image: engine === 'vllm' ? vllmImage(model, accelerator) : 'lmsysorg/sglang:v0.5.15',
    environment: engine === 'vllm' ? vllmEnvironment(accelerator) : sglangEnvironment(inputs),
    argumentsByNode: Array.from({ length: nodes }, (_, node) => nodes === 1 ? base : [...base, ...nodeArguments(engine, inputs, nodes, node)]),
    port: engine === 'vllm' ? 8000 : 30_000,
    gpusPerNode: fit.gpuCount / nodes
  }
}

/** What is typed on the head (or only) node. */
export function commandLine ({ engine, environment, argumentsByNode }: Launch, node = 0): string {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const program = engine === 'vllm' ? 'vllm serve' : 'sglang serve'
  return [...variables, program, ...(argumentsByNode[node] ?? []).map(quoted)].join(' ')
}

function quoted (argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}

function vllmArguments ({ model, accelerator, fit, demand }: LaunchInputs): string[] {
  const { generation } = accelerator
  return [
    model.repository,
    '--served-model-name', `deepseek-v4-${model.tier}`,
    '--trust-remote-code',
    '--kv-cache-dtype', 'fp8',
    '--block-size', '256',
    '--tokenizer-mode', 'deepseek_v4',
    '--reasoning-parser', 'deepseek_v4',
    '--tool-call-parser', 'deepseek_v4',
    '--enable-auto-tool-choice',
    ...(fit.parallelism === 'tensor' ? ['--tensor-parallel-size', String(fit.gpuCount)] : ['--data-parallel-size', String(fit.gpuCount)]),
    // AMD's recipe is plain tensor parallelism.
    ...(generation === 'cdna' ? [] : ['--enable-expert-parallel']),
    ...(generation === 'blackwell' ? ['--attention_config.use_fp4_indexer_cache', 'True', '--moe-backend', 'deep_gemm_mega_moe'] : []),
    ...(generation === 'workstation' ? ['--moe-backend', 'auto', '--attention_config.use_fp4_indexer_cache', 'False'] : []),
    '--max-model-len', String(demand.contextTokens),
    '--max-num-seqs', String(fit.sequencesPerGpu),
    '--max-num-batched-tokens', String(fit.chunkTokens),
    '--gpu-memory-utilization', String(fit.utilisation),
    ...(model.tier === 'pro' && generation === 'hopper'
      ? ['--no-enable-flashinfer-autotune', '--compilation-config', '{"mode":0,"cudagraph_mode":"FULL_DECODE_ONLY"}']
      : []),
    '--speculative-config', speculation(model, generation === 'hopper'),
    // Older releases serve token ids without being asked and do not know the switch.
    ...(vllmImage(model, accelerator) === hopperImage ? [] : ['--enable-scale-out']),
    '--enable-prompt-tokens-details',
    '--shutdown-timeout', '600'
  ]
}

/** The preview has a head for multi-token prediction; later weights have DSpark stages instead. Recipes say 7 drafts, the weights 5. */
function speculation ({ revision }: ServedModel, isHopper: boolean): string {
  return revision === 'preview'
    ? JSON.stringify({ method: 'mtp', num_speculative_tokens: isHopper ? 1 : 2 })
    : JSON.stringify({ method: 'dspark', num_speculative_tokens: 5, draft_sample_method: 'probabilistic' })
}

const hopperImage = 'vllm/vllm-openai:v0.25.0'

/** 0.26.0 corrupted Flash-0731 on H100; 0.25 is the first with DSpark. */
function vllmImage ({ revision }: ServedModel, { generation }: Accelerator): string {
  return revision === '0731' && generation === 'hopper' ? hopperImage : 'vllm/vllm-openai:v0.32.0'
}

function vllmEnvironment ({ generation }: Accelerator): Record<string, string> {
  return {
    VLLM_ENGINE_READY_TIMEOUT_S: '3600',
    PYTORCH_CUDA_ALLOC_CONF: 'expandable_segments:True',
    ...(generation === 'cdna' ? { VLLM_ROCM_USE_AITER: '1' } : {})
  }
}

function sglangArguments ({ model, accelerator, fit, demand }: LaunchInputs): string[] {
  const { generation } = accelerator
  const isHopper = generation === 'hopper'
  return [
    '--model-path', model.repository,
    '--served-model-name', `deepseek-v4-${model.tier}`,
    '--trust-remote-code',
    '--reasoning-parser', 'deepseek-v4',
    '--tool-call-parser', 'deepseekv4',
    '--tp', String(fit.gpuCount),
    ...(fit.parallelism === 'data' ? ['--dp', String(fit.gpuCount), '--enable-dp-attention', '--moe-a2a-backend', generation === 'blackwell' ? 'megamoe' : 'deepep'] : []),
    '--moe-runner-backend', generation === 'blackwell' || (model.tier === 'pro' && accelerator.name === 'H200') ? 'flashinfer_mxfp4' : 'marlin',
    ...sglangSpeculation(model, fit),
    '--chunked-prefill-size', String(fit.chunkTokens),
    '--context-length', String(demand.contextTokens),
    '--max-running-requests', String(demand.concurrency),
    '--mem-fraction-static', String(sglangMemory(model, accelerator, isHopper)),
    ...(model.tier === 'flash' ? ['--swa-full-tokens-ratio', '0.1'] : []),
    '--incremental-streaming-output',
    '--enable-metrics',
    '--enable-cache-report',
    '--host', '0.0.0.0'
  ]
}

/** Speculation costs throughput once the batch is full: only with tensor parallelism. */
function sglangSpeculation ({ revision }: ServedModel, { parallelism }: GpuFit): string[] {
  if (parallelism === 'data') return []
  if (revision !== 'preview') return ['--speculative-algorithm', 'DSPARK']
  return ['--speculative-algorithm', 'EAGLE', '--speculative-num-steps', '3', '--speculative-eagle-topk', '1', '--speculative-num-draft-tokens', '4']
}

function sglangMemory ({ tier }: ServedModel, { name }: Accelerator, isHopper: boolean): number {
  if (name === 'RTXPRO6000') return 0.7
  return tier === 'pro' && isHopper ? 0.88 : 0.9
}

function sglangEnvironment ({ fit, demand }: LaunchInputs): Record<string, string> {
  if (fit.parallelism === 'tensor') return {}
  // The dispatch buffer aborts under load when a rank has more tokens in flight than this.
  return { SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK: String(Math.max(128, 2 ** Math.ceil(Math.log2(demand.concurrency)))) }
}

function nodeArguments (engine: PlannedEngine, { fit, accelerator }: LaunchInputs, nodes: number, node: number): string[] {
  if (engine === 'sglang') return ['--nnodes', String(nodes), '--node-rank', String(node), '--dist-init-addr', 'HEAD:20000']
  if (fit.parallelism === 'tensor') {
    return ['--nnodes', String(nodes), '--node-rank', String(node), '--master-addr', 'HEAD', ...(node === 0 ? [] : ['--headless'])]
  }
  return [
    '--data-parallel-size-local', String(accelerator.perNode),
    '--data-parallel-address', 'HEAD',
    ...(node === 0 ? [] : ['--data-parallel-start-rank', String(node * accelerator.perNode), '--headless'])
  ]
}
