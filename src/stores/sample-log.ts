/**
 * A file of JSON lines that never grows beyond its bound: when it is full it becomes `<path>.1`, in place of the one before.
 * Written behind the requests, so a crash loses the last moment; what the disk cannot keep up with is left out.
 */
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface SampleLogOptions {
  path: string
  /** Of both files together. */
  maxBytes: number
  /** Hears of what could not be written. */
  onError: (error: unknown) => void
}

const mostWaiting = 1000

export class SampleLog {
  readonly #options: SampleLogOptions
  #waiting: string[] = []
  #bytes: number | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor (options: SampleLogOptions) {
    this.#options = options
  }

  add (sample: object): void {
    if (this.#waiting.length >= mostWaiting) return
    // The first of a batch sends for it; those that come while it waits its turn go along.
    if (this.#waiting.push(`${JSON.stringify(sample)}\n`) > 1) return
    this.#writing = this.#writing.then(async () => { await this.#write() }).catch(this.#options.onError)
  }

  /** Everything is in the file, or will not be. */
  async close (): Promise<void> {
    await this.#writing
  }

  async #write (): Promise<void> {
    const { path, maxBytes } = this.#options
    const text = this.#waiting.join('')
    this.#waiting = []
    if (this.#bytes === null) {
      await mkdir(dirname(path), { recursive: true })
      this.#bytes = await stat(path).then(({ size }) => size, () => 0)
    }
    if (this.#bytes > 0 && this.#bytes + Buffer.byteLength(text) > maxBytes / 2) {
      await rename(path, `${path}.1`)
      this.#bytes = 0
    }
    await appendFile(path, text, { mode: 0o600 })
    this.#bytes += Buffer.byteLength(text)
  }
}
