/** The same launch as a compose file or a Kubernetes manifest, and the gateway's settings that go with it. */
import { stringify } from 'yaml'
import type { Launch } from './launch-command.js'
import type { ServedModel } from './served-model.js'

const yamlStyle = { lineWidth: 0, aliasDuplicateObjects: false }

/** Loading takes minutes to an hour; a shorter budget restarts the engine for ever. */
const startSeconds = 3600

const modelsProbe = (port: number): string => `import urllib.request as u;u.urlopen('http://localhost:${port}/v1/models')`

/** For engines of one node. */
export function composeOf (model: ServedModel, { engine, image, environment, argumentsByNode, port, gpusPerNode }: Launch): string {
  const name = serviceName(model)
  return stringify({
    services: {
      [name]: {
        image,
        ipc: 'host',
        ulimits: { memlock: -1, nofile: 1_048_576 },
        environment,
        volumes: ['/models:/root/.cache/huggingface'],
        ...(engine === 'sglang' ? { entrypoint: ['sglang', 'serve'] } : {}),
        command: argumentsByNode[0] ?? [],
        // Reachable for the gateway only: no port is published.
        expose: [String(port)],
        deploy: { resources: { reservations: { devices: [{ driver: 'nvidia', count: gpusPerNode, capabilities: ['gpu'] }] } } },
        healthcheck: { test: ['CMD', 'python3', '-c', modelsProbe(port)], interval: '15s', timeout: '5s', retries: 4, start_period: `${startSeconds}s` },
        stop_grace_period: '15m',
        restart: 'unless-stopped'
      }
    }
  }, yamlStyle)
}

/** A Deployment for one node; a LeaderWorkerSet, whose leader is the head, for several. */
export function kubernetesOf (model: ServedModel, launch: Launch): string {
  const name = serviceName(model)
  const labels = { app: name, 'gearbox-tier': model.tier }
  const isMany = launch.argumentsByNode.length > 1
  const pod = (node: number) => ({ metadata: { labels }, spec: podSpec(launch, node, model) })
  const workload = isMany
    ? {
        apiVersion: 'leaderworkerset.x-k8s.io/v1',
        kind: 'LeaderWorkerSet',
        metadata: { name },
        spec: { replicas: 1, leaderWorkerTemplate: { size: launch.argumentsByNode.length, leaderTemplate: pod(0), workerTemplate: pod(1) } }
      }
    : {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: pod(0) }
      }
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    // Without an address of its own, so that each replica is seen by name.
    spec: { clusterIP: 'None', selector: isMany ? { app: name, 'leaderworkerset.sigs.k8s.io/worker-index': '0' } : { app: name }, ports: [{ port: launch.port }] }
  }
  return [workload, service].map(document => stringify(document, yamlStyle)).join('---\n')
}

/** What to write under `tiers` of the gateway's settings. */
export function gatewaySettingsOf (model: ServedModel, { engine, port }: Launch, contextTokens: number): string {
  return stringify({
    tiers: {
      [model.tier]: {
        checkpoint: { name: `deepseek-v4-${model.tier}`, revision: model.revision, effortLadder: model.revision, contextTokens, tokenizer: 'deepseek-v4' },
        workers: [{ engine, url: `http://${serviceName(model)}:${port}`, model: `deepseek-v4-${model.tier}` }]
      }
    }
  }, yamlStyle)
}

function serviceName ({ tier }: ServedModel): string {
  return `deepseek-v4-${tier}`
}

/** The head's address and the node's number, which the LeaderWorkerSet puts into the environment. */
function filledByController (argument: string, position: number, all: readonly string[]): string {
  return all[position - 1] === '--node-rank' ? '$(LWS_WORKER_INDEX)' : argument.replace('HEAD', '$(LWS_LEADER_ADDRESS)')
}

function podSpec ({ engine, image, environment, argumentsByNode, port, gpusPerNode }: Launch, node: number, { tier }: ServedModel) {
  const probe = { exec: { command: ['python3', '-c', modelsProbe(port)] }, periodSeconds: 15, timeoutSeconds: 5 }
  const container = {
    name: 'engine',
    image,
    ...(engine === 'sglang' ? { command: ['sglang', 'serve'] } : {}),
    args: (argumentsByNode[node] ?? []).map(filledByController),
    env: Object.entries(environment).map(([name, value]) => ({ name, value })),
    resources: { limits: { 'nvidia.com/gpu': gpusPerNode } },
    volumeMounts: [{ name: 'models', mountPath: '/root/.cache/huggingface' }, { name: 'shm', mountPath: '/dev/shm' }],
    ...(node === 0
      ? { ports: [{ containerPort: port }], startupProbe: { ...probe, failureThreshold: startSeconds / 15 }, readinessProbe: probe }
      : {}),
    lifecycle: { preStop: { exec: { command: ['sleep', '15'] } } }
  }
  return {
    terminationGracePeriodSeconds: 900,
    containers: [container],
    volumes: [
      { name: 'models', persistentVolumeClaim: { claimName: `models-${tier}` } },
      { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '32Gi' } }
    ]
  }
}
