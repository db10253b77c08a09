import { cpuMsSince, medianOf } from './time-job.js'

const bytes = 2 ** 30
const repetitions = 5

/** Bytes a second of processor time that one thread reads from memory when it does nothing but find a byte that is not there (a vectorised scan). */
export function streamRate (): number {
  const buffer = Buffer.alloc(bytes, 1)
  const times = Array.from({ length: repetitions }, () => {
    const start = process.cpuUsage()
    buffer.indexOf(2)
    return cpuMsSince(start)
  })
  return bytes / medianOf(times) * 1000
}
