/** The thread of one rank. The first takes jobs and decides what is computed; the others follow. */
import { workerData } from 'node:worker_threads'
import { openCheckpoint } from '../checkpoint/open-checkpoint.js'
import { soleExchange } from '../model/exchange.js'
import { type ForwardPass } from '../model/forward-pass.js'
import { loadModel } from '../model/load-model.js'
import { warmUp } from '../model/warm-up.js'
import { lead } from './lead.js'
import { type RankAssignment } from './rank-messages.js'
import { SharedExchange } from './shared-exchange.js'
import { type Sequence } from '../sequence/sequence.js'
import { PlanReader, type StateCopy } from './step-plan.js'

const assignment = workerData as RankAssignment
const { port, rank, memory } = assignment

try {
  const model = await load(assignment)
  port.postMessage({ type: 'ready' })
  if (rank === 0) await lead(model, assignment)
  else follow(model)
} catch (error) {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  port.postMessage({ type: 'failed', name, message })
  throw error
}

/** Ends only with the thread, or by throwing when the group is stopped. */
function follow (model: ForwardPass): never {
  const plans = new PlanReader(memory, rank)
  const copyState = ({ type, snapshot, position }: StateCopy, sequence: Sequence): void => {
    if (type === 'snapshot') model.snapshot(sequence, snapshot)
    else model.restore(snapshot, sequence, position)
  }
  for (;;) model.forward(plans.take(copyState))
}

/** Reads this rank's share of the weights. */
async function load ({ setting }: RankAssignment): Promise<ForwardPass> {
  const { directory, rankCount, layerDeadlineMs, kernels, ...rest } = setting
  const checkpoint = await openCheckpoint(directory)
  try {
    const shared = rankCount === 1 ? null : new SharedExchange(memory, rank, layerDeadlineMs)
    const model = await loadModel(checkpoint, { ...rest, exchange: shared ?? soleExchange, ...(kernels === null ? {} : { kernels }) })
    // Every rank by itself: the others may still be reading their weights.
    if (rest.arithmetic === 'f32') warmUp(model, Math.min(rest.contextTokens, rest.blockTokens))
    shared?.connect()
    return model
  } finally {
    await checkpoint.close()
  }
}
