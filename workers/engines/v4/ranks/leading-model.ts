/** The forward pass as the first rank sees it: the others compute their share of whatever it computes. */
import { type ForwardPass } from '../model/forward-pass.js'
import { type ForwardSlice } from '../model/step.js'
import { type Floats } from '../model/workspace.js'
import { type BatchModel } from '../scheduler/batch-model.js'
import { Sequence } from '../sequence/sequence.js'
import { blockTableOf, type GroupMemory } from './group-memory.js'
import { PlanWriter } from './step-plan.js'

export class LeadingModel implements BatchModel {
  readonly #model: ForwardPass
  readonly #memory: GroupMemory
  readonly #plan: PlanWriter | null

  constructor (model: ForwardPass, memory: GroupMemory, deadlineMs: number) {
    this.#model = model
    this.#memory = memory
    this.#plan = memory.shape.rankCount > 1 ? new PlanWriter(memory, deadlineMs) : null
  }

  get maxRows (): number { return this.#model.maxRows }

  get vocabularySize (): number { return this.#model.config.vocabularySize }

  openSequence (slot: number): Sequence {
    return new Sequence(slot, blockTableOf(this.#memory, slot))
  }

  forward (slices: readonly ForwardSlice[]): number {
    this.#plan?.publish(slices)
    return this.#model.forward(slices)
  }

  snapshot (sequence: Sequence, snapshot: number): void {
    this.#plan?.defer({ type: 'snapshot', slot: sequence.slot, snapshot, position: sequence.position })
    this.#model.snapshot(sequence, snapshot)
  }

  restore (snapshot: number, sequence: Sequence, position: number): void {
    this.#plan?.defer({ type: 'restore', slot: sequence.slot, snapshot, position })
    this.#model.restore(snapshot, sequence, position)
  }

  logitsOf (wanted: number): Floats {
    return this.#model.logitsOf(wanted)
  }
}
