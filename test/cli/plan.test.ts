import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { runPlan } from '../../src/cli/plan.js'
import { configSchema } from '../../src/config/schema.js'

async function planned (line: string): Promise<{ text: string, error: string | null }> {
  let text = ''
  async function * nothing (): AsyncGenerator<string> {}
  try {
    await runPlan(line.split(' '), { lines: nothing(), write: part => { text += part }, writeError: () => {} })
    return { text, error: null }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'CliInputError') throw error
    return { text, error: error.message }
  }
}

/** What follows a heading, up to the next empty line. */
function section (text: string, heading: string): string {
  return text.split(`${heading}\n`)[1]?.split('\n\n')[0] ?? ''
}

await t.test('an impossible plan shows its sum, what would fit, and fails', async t => {
  const { text, error } = await planned('--tier pro --gpus 8xH200 --context 256k --concurrency 32')
  t.match(error, /impossible/)
  t.match(text, /= left for caches +16\.\d GB/)
  t.match(text, /does not fit: 3\d\.\d GB short per GPU/)
  t.match(text, /11 sequences instead of 32 at 262144 tokens/)
  t.notMatch(text, /vllm serve/)
})

await t.test('a plan that fits: commands, manifest, settings, and whose speed it is', async t => {
  const { text, error } = await planned('--tier pro --gpus 8xB200 --context 400k --concurrency 8')
  t.equal(error, null)
  t.match(text, /vllm serve deepseek-ai\/DeepSeek-V4-Pro-0813 .*--tensor-parallel-size 8 --enable-expert-parallel .*deep_gemm_mega_moe .*--max-model-len 409600 .*--enable-scale-out/)
  t.match(text, /sglang serve --model-path deepseek-ai\/DeepSeek-V4-Pro-0813 .*--tp 8 .*--speculative-algorithm DSPARK/)
  t.match(text, /235 tokens\/s/)
  t.match(text, /SGLang 0\.5\.15 cookbook.*measured by others/)
  t.match(parse(section(text, '# compose')), { services: { 'deepseek-v4-pro': { deploy: { resources: { reservations: { devices: [{ count: 8 }] } } } } } })
  const settings = configSchema.safeParse(parse(section(text, '# gateway.yaml')))
  t.equal(settings.success, true, 'the printed settings are settings')
})

await t.test('many streams go to data parallelism; Hopper gets the release that does not corrupt, without newer switches', async t => {
  const { text } = await planned('--tier flash --gpus 4xH200 --concurrency 64 --engine vllm')
  t.match(text, /--data-parallel-size 4 --enable-expert-parallel/)
  t.match(text, /vllm\/vllm-openai:v0\.25\.0/)
  t.notMatch(text, /--enable-scale-out|deep_gemm/)
})

await t.test('two nodes: one command each, one manifest for Kubernetes, none for compose', async t => {
  const { text } = await planned('--tier pro --gpus 8xGB200 --context 64k --concurrency 8 --engine vllm --manifest kubernetes')
  t.match(text, /node 0: .*--nnodes 2 --node-rank 0 --master-addr HEAD\n/)
  t.match(text, /node 1: .*--node-rank 1 --master-addr HEAD --headless\n/)
  const [workload, service] = parseAllDocuments(section(text, '# kubernetes')).map(document => document.toJS() as unknown)
  t.match(workload, { kind: 'LeaderWorkerSet', spec: { leaderWorkerTemplate: { size: 2 } } })
  t.match(service, { kind: 'Service', spec: { clusterIP: 'None' } })
  t.match((await planned('--tier pro --gpus 8xGB200 --context 64k --engine sglang')).text, /cannot span nodes/)
})

await t.test('one machine', async t => {
  const { text, error } = await planned('--tier flash --machine 192GB')
  t.equal(error, null)
  t.match(text, /145\.4 GiB file/)
  t.match(text, /Chosen: Flash MXFP4/)
  t.match(text, /llama-server -m .* -c 131072 -np 1/)
  t.match(text, /ds4-server -m ds4f-q4\.gguf --ctx 131072/)
  t.match(text, /819 GB\/s -> 73 tokens\/s/)
  t.match((await planned('--tier flash --machine 64GB')).error, /no build of Flash fits/)
  t.match((await planned('--tier pro --machine 192GB')).error, /512 GB/)
})

await t.test('flags that make no sense', async t => {
  for (const [line, message] of [
    ['--tier flash', /either --gpus/],
    ['--tier flash --gpus 8xA100', /one of H100/],
    ['--tier flash --gpus 8xH200 --context lots', /--context/],
    ['--tier nano --gpus 8xH200', /--tier nano/],
    ['--tier flash --machine big', /--machine/]
  ] as const) t.match((await planned(line)).error, message)
})
