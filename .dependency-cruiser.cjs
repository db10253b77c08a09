/** The numbered folders of src/ are the request path; an import may only point down it. */
const path = ['http', 'batches', 'dialects', 'policy', 'accounts', 'language', 'dispatch', 'stores']
const pure = '^src/(dialects|policy|language)/'

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'console-takes-types-only', comment: 'the page is bundled for a browser: of the gateway it knows what the admin API answers', severity: 'error', from: { path: '^console/' }, to: { path: '^(src|workers)/', dependencyTypesNot: ['type-only'] } },
    { name: 'nothing-imports-the-console', severity: 'error', from: { path: '^(src|workers)/' }, to: { path: '^console/' } },
    { name: 'production-not-to-test', severity: 'error', from: { path: '^(src|workers|bin|scripts)/' }, to: { path: '^(test|benchmarks)/' } },
    ...path.map((folder, position) => ({
      name: `imports-point-down-from-${folder}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^src/(app|server|${['cli', ...path.slice(0, position)].join('|')})(/|\\.ts)` }
    })),
    {
      name: 'pure-core',
      comment: 'dialects, policy and language know no network, no process and no framework',
      severity: 'error',
      from: { path: pure },
      to: { path: ['^(node:)?(net|http|https|dns|tls|child_process|process|cluster|dgram)$', '^node_modules/(fastify|@fastify|undici|ioredis|pino)'] }
    },
    {
      name: 'language-is-a-leaf',
      severity: 'error',
      from: { path: '^src/language/' },
      to: { path: '^(src|workers)/', pathNot: '^src/language/' }
    },
    { name: 'dispatch-and-stores-know-no-http', severity: 'error', from: { path: '^src/(dispatch|stores)/' }, to: { path: '^node_modules/(fastify|@fastify)' } },
    { name: 'only-http-knows-fastify', severity: 'error', from: { path: '^(src|workers)/', pathNot: '^src/(http/|app\\.ts|server\\.ts)|^workers/host/' }, to: { path: '^node_modules/(fastify|@fastify)' } },
    { name: 'only-stores-know-redis', severity: 'error', from: { path: '^src/', pathNot: '^src/stores/' }, to: { path: '^node_modules/ioredis' } },
    { name: 'only-dispatch-calls-workers', severity: 'error', from: { path: '^src/', pathNot: '^src/(dispatch|cli)/' }, to: { path: '^node_modules/undici/' } },
    {
      name: 'gateway-sees-only-the-worker-contract',
      comment: 'the command line may run an engine directly (gearbox generate, logits)',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^workers/', pathNot: '^workers/contract/' }
    },
    { name: 'workers-import-the-language-only', severity: 'error', from: { path: '^workers/' }, to: { path: '^src/', pathNot: '^src/language/' } },
    { name: 'contract-is-a-leaf', severity: 'error', from: { path: '^workers/contract/' }, to: { pathNot: ['^workers/contract/', '^node_modules/zod/'] } }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/assembly/', '^test/parity/', '^dist/'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true
  }
}
