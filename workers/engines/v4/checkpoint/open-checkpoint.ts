import { open, readFile, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { type Checkpoint, type CheckpointInfo, type TensorLocation } from './checkpoint.js'
import { CheckpointError, readV4Config, type V4Config } from './config.js'
import { assertInventory } from './inventory.js'
import { readSafetensorsHeader } from './safetensors.js'

const singleFile = 'model.safetensors'
const indexFile = 'model.safetensors.index.json'
/** One read call moves at most 2 GiB on Linux. */
const maximumReadBytes = 2 ** 30

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) })
const infoSchema = z.object({
  name: z.string().min(1),
  tier: z.enum(['pro', 'flash']),
  revision: z.string(),
  effortLadder: z.enum(['preview', '0731']),
  trained: z.boolean(),
  params: z.int().nonnegative()
})

/**
 * Opens a checkpoint directory in the official layout: `config.json`, safetensors shards with their index (or one
 * `model.safetensors`), and optionally `gearbox.json`. Only headers are read.
 * @throws CheckpointError when a file is missing or malformed, or when tensors do not match the config
 */
export async function openCheckpoint (directory: string): Promise<Checkpoint> {
  const config = readV4Config(await readText(directory, 'config.json'))
  const info = await readInfo(directory)
  const files = new Map<string, FileHandle>()
  try {
    const tensors = await locateTensors(directory, files)
    assertInventory(config, tensors)
    return new OpenCheckpoint(config, info, tensors, files)
  } catch (error) {
    await closeAll(files)
    throw error
  }
}

class OpenCheckpoint implements Checkpoint {
  readonly config: V4Config
  readonly info: CheckpointInfo | null
  readonly tensors: ReadonlyMap<string, TensorLocation>
  readonly #files: Map<string, FileHandle>

  constructor (config: V4Config, info: CheckpointInfo | null, tensors: ReadonlyMap<string, TensorLocation>, files: Map<string, FileHandle>) {
    this.config = config
    this.info = info
    this.tensors = tensors
    this.#files = files
  }

  async read (name: string, target: Uint8Array, rows?: { readonly begin: number, readonly end: number }): Promise<void> {
    const tensor = this.tensors.get(name)
    if (tensor === undefined) throw new CheckpointError(`the checkpoint has no tensor ${name}`)
    const rowCount = tensor.shape[0] ?? 1
    const { begin, end } = rows ?? { begin: 0, end: rowCount }
    if (!(begin >= 0 && begin <= end && end <= rowCount)) throw new CheckpointError(`${name}: rows ${begin} to ${end} of ${rowCount}`)
    const bytesPerRow = rowCount === 0 ? 0 : tensor.byteLength / rowCount
    if (target.byteLength !== (end - begin) * bytesPerRow) {
      throw new CheckpointError(`${name}: the target holds ${target.byteLength} bytes, the rows take ${(end - begin) * bytesPerRow}`)
    }
    const handle = this.#files.get(tensor.file)
    if (handle === undefined) throw new CheckpointError(`${name}: the checkpoint is closed`)
    await readFully(handle, target, tensor.position + begin * bytesPerRow, tensor)
  }

  async close (): Promise<void> {
    await closeAll(this.#files)
  }
}

async function readFully (handle: FileHandle, target: Uint8Array, position: number, { file, name }: TensorLocation): Promise<void> {
  for (let done = 0; done < target.byteLength;) {
    const { bytesRead } = await handle.read(target, done, Math.min(target.byteLength - done, maximumReadBytes), position + done)
    if (bytesRead === 0) throw new CheckpointError(`${file}: the file ends inside ${name}`)
    done += bytesRead
  }
}

async function locateTensors (directory: string, files: Map<string, FileHandle>): Promise<Map<string, TensorLocation>> {
  const weightMap = await readWeightMap(directory)
  const tensors = new Map<string, TensorLocation>()
  for (const file of weightMap === null ? [singleFile] : new Set(weightMap.values())) {
    const handle = await openFile(directory, file)
    files.set(file, handle)
    for (const tensor of await readSafetensorsHeader(handle, file)) {
      const mapped = weightMap === null ? file : weightMap.get(tensor.name)
      if (mapped !== file) throw new CheckpointError(`${file} holds ${tensor.name}, which ${indexFile} places in ${mapped ?? 'no file'}`)
      tensors.set(tensor.name, tensor)
    }
  }
  for (const [name, file] of weightMap ?? []) {
    if (!tensors.has(name)) throw new CheckpointError(`${file} does not hold ${name}, which ${indexFile} places there`)
  }
  return tensors
}

/** null when there is no index, and the one file is all. */
async function readWeightMap (directory: string): Promise<Map<string, string> | null> {
  const text = await readOptionalText(directory, indexFile)
  if (text === null) return null
  const { weight_map: weightMap } = parse(indexSchema, text, indexFile)
  for (const file of Object.values(weightMap)) {
    if (basename(file) !== file) throw new CheckpointError(`${indexFile}: ${file} is not a plain file name`)
  }
  return new Map(Object.entries(weightMap))
}

async function readInfo (directory: string): Promise<CheckpointInfo | null> {
  const text = await readOptionalText(directory, 'gearbox.json')
  return text === null ? null : parse(infoSchema, text, 'gearbox.json')
}

function parse<T> (schema: z.ZodType<T>, text: string, file: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CheckpointError(`${file} is not JSON`)
  }
  const outcome = schema.safeParse(value)
  if (outcome.success) return outcome.data
  throw new CheckpointError(outcome.error.issues.map(({ path, message }) => `${file}: ${path.join('.') || 'the file'}: ${message}`).join('; '))
}

async function openFile (directory: string, file: string): Promise<FileHandle> {
  try {
    return await open(join(directory, file))
  } catch (error) {
    throw new CheckpointError(`cannot open ${file} in ${directory}`, { cause: error })
  }
}

async function readText (directory: string, file: string): Promise<string> {
  const text = await readOptionalText(directory, file)
  if (text === null) throw new CheckpointError(`${directory} has no ${file}`)
  return text
}

async function readOptionalText (directory: string, file: string): Promise<string | null> {
  try {
    return await readFile(join(directory, file), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new CheckpointError(`cannot read ${file} in ${directory}`, { cause: error })
  }
}

async function closeAll (files: Map<string, FileHandle>): Promise<void> {
  const handles = [...files.values()]
  files.clear()
  await Promise.all(handles.map(handle => handle.close()))
}
