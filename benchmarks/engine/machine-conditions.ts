import { cpus, loadavg } from 'node:os'

/** When and where a figure was taken, and what else the machine did. */
export function machineConditions (): string {
  return `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? 'unknown processor'} x ${cpus().length}, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1) ?? '?'}`
}
