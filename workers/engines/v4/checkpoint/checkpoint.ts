import { type V4Config } from './config.js'

/** Storage types of the safetensors files that V4 checkpoints use. */
export type TensorType = 'BF16' | 'F32' | 'F8_E4M3' | 'F8_E8M0' | 'I8' | 'U8' | 'I64' | 'I32'

/** Where one tensor lies. */
export interface TensorLocation {
  readonly name: string
  readonly type: TensorType
  readonly shape: readonly number[]
  /** Total bytes of the tensor. */
  readonly byteLength: number
  /** Name of the file in the checkpoint directory. */
  readonly file: string
  /** Byte position of the tensor in that file. */
  readonly position: number
}

/** `gearbox.json` beside a checkpoint: what config.json has no key for. */
export interface CheckpointInfo {
  readonly name: string
  readonly tier: 'pro' | 'flash'
  readonly revision: string
  /** How `reasoning_effort` is written into the prompt (a property of the training). */
  readonly effortLadder: 'preview' | '0731'
  /** False for random weights, whose text is noise. */
  readonly trained: boolean
  readonly params: number
}

/** An open checkpoint whose tensors were checked against its config by name, shape and type. */
export interface Checkpoint {
  readonly config: V4Config
  /** null when the directory has no gearbox.json. */
  readonly info: CheckpointInfo | null
  /** Every tensor of the files, drafter tensors (`mtp.*`) included. */
  readonly tensors: ReadonlyMap<string, TensorLocation>
  /**
   * Fills `target` with the tensor's bytes as stored, or with those of rows [begin, end) of its first axis.
   * @throws CheckpointError for an unknown name, a target of another size or a truncated file
   */
  read (name: string, target: Uint8Array, rows?: { readonly begin: number, readonly end: number }): Promise<void>
  close (): Promise<void>
}
