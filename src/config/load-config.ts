/**
 * YAML file + environment → one frozen object. The only place that reads the environment.
 *
 * Precedence: environment (the variables named in config/gateway.yaml) over the file over defaults.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { z } from 'zod'
import { hashSecret } from '../accounts/keys.js'
import { ConfigError } from './config-error.js'
import { configSchema, type GatewayConfig } from './schema.js'

/** Also for other configuration readers that want the environment: nothing else may touch process.env. */
export function readEnvironment (): Record<string, string | undefined> {
  return process.env
}

/** @param path YAML file; null = defaults only. */
export function loadConfig (path: string | null, environment: Record<string, string | undefined>): GatewayConfig {
  const file = path === null ? {} : readYaml(path)
  const outcome = configSchema.safeParse(withEnvironment(file, environment))
  if (!outcome.success) throw new ConfigError(outcome.error.issues.map(issue => describeIssue(issue, path)).join('\n'))
  return freezeDeep(outcome.data)
}

function readYaml (path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  try {
    return parse(text) ?? {}
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function withEnvironment (file: unknown, environment: Record<string, string | undefined>): unknown {
  if (!isRecord(file)) return file
  const { PORT: port, HOST: host, GEARBOX_KEYS: keys, GEARBOX_STORE: store, GEARBOX_LOG_LEVEL: level } = environment
  const merged = { ...file }
  if (port) merged['server'] = { ...section(file, 'server'), port: /^\d+$/.test(port) ? Number(port) : port }
  if (host) merged['server'] = { ...section(merged, 'server'), host }
  if (store) merged['accounts'] = { ...section(file, 'accounts'), store }
  const { GEARBOX_ADMIN_HOST: adminHost, GEARBOX_ADMIN_PORT: adminPort, GEARBOX_ADMIN_SECRET: adminSecret, OTEL_EXPORTER_OTLP_ENDPOINT: traces } = environment
  if (adminHost) merged['admin'] = { ...section(merged, 'admin'), host: adminHost }
  if (adminPort) merged['admin'] = { ...section(merged, 'admin'), port: /^\d+$/.test(adminPort) ? Number(adminPort) : adminPort }
  if (adminSecret) merged['admin'] = { ...section(merged, 'admin'), secretHash: hashSecret(adminSecret) }
  if (traces) merged['telemetry'] = { ...section(file, 'telemetry'), traces: { ...section(section(file, 'telemetry'), 'traces'), endpoint: traces } }
  if (level) merged['log'] = { ...section(file, 'log'), level }
  if (keys) {
    const access = section(file, 'access')
    const hashes = Array.isArray(access['keyHashes']) ? access['keyHashes'] : []
    merged['access'] = { ...access, keyHashes: [...hashes, ...keys.split(',').map(key => hashSecret(key.trim()))] }
  }
  return merged
}

function section (parent: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = parent[name]
  return isRecord(value) ? value : {}
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describeIssue (issue: z.core.$ZodIssue, path: string | null): string {
  const where = issue.path.length > 0 ? issue.path.join('.') : '(top level)'
  return `${path ?? 'environment'}: ${where}: ${issue.message}`
}

function freezeDeep<T> (value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) freezeDeep(part)
    Object.freeze(value)
  }
  return value
}
