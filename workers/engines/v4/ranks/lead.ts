/** What the first rank's thread does all day: take requests between steps, compute, tell. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { type ForwardPass } from '../model/forward-pass.js'
import { refusal } from '../scheduler/refuse-job.js'
import { Scheduler, type ScheduledEvent } from '../scheduler/scheduler.js'
import { ChoiceMaker } from '../constraints/choice-maker.js'
import { ConstraintError } from '../constraints/constraint-error.js'
import { LeadingModel } from './leading-model.js'
import { type RankAssignment, type RankReply, type RankRequest, schedulerLimitsOf, type SubmitRequest } from './rank-messages.js'

/** Resolves never; throws when the group cannot go on. */
export async function lead (pass: ForwardPass, { port, memory, setting }: RankAssignment): Promise<never> {
  const model = new LeadingModel(pass, memory, setting.layerDeadlineMs)
  const scheduler = new Scheduler(model, schedulerLimitsOf(setting))
  const choices = new ChoiceMaker(setting.directory, model.vocabularySize)
  choices.prepare()
  const inbox = new Inbox(port)
  for (;;) {
    if (!scheduler.hasWork) await inbox.fill()
    // Steps never give the thread back to its event loop, so requests are fetched between them.
    const events: ScheduledEvent[] = []
    for (let request = inbox.next(); request !== null; request = inbox.next()) {
      switch (request.type) {
        case 'submit': events.push(...submit(scheduler, choices, request)); break
        case 'abort': events.push(...scheduler.abort(request.id)); break
        case 'logits':
          // It uses blocks without asking for them.
          scheduler.forgetPrefixes()
          reply(port, { type: 'logits', id: request.id, logits: allLogits(model, request.tokenIds, request.chunk, memory.shape.blocksPerSequence) })
      }
    }
    if (scheduler.hasWork) events.push(...scheduler.step())
    reply(port, { type: 'events', events, load: scheduler.load() })
  }
}

/** @returns the refusal of a job whose constraint cannot be kept */
function submit (scheduler: Scheduler, choices: ChoiceMaker, { id, job, grammar }: SubmitRequest): ScheduledEvent[] {
  try {
    scheduler.submit(id, job, grammar === null ? null : choices.begin(grammar, job))
    return []
  } catch (error) {
    if (!(error instanceof ConstraintError)) throw error
    return [{ id, event: refusal('unsupported-constraint', error.message) }]
  }
}

/** Uses slot 0 and the first blocks, which are free while no job runs. */
function allLogits (model: LeadingModel, tokenIds: readonly number[], chunk: number, blockCount: number): number[][] {
  const sequence = model.openSequence(0)
  sequence.blocks.set(Array.from({ length: blockCount }, (_, block) => block))
  const logits: number[][] = []
  const rows = Math.min(chunk, model.maxRows)
  for (let start = 0; start < tokenIds.length; start += rows) {
    const wanted = model.forward([{ sequence, tokenIds: tokenIds.slice(start, start + rows), wants: 'all' }])
    for (let i = 0; i < wanted; i++) logits.push(Array.from(model.logitsOf(i)))
  }
  return logits
}

function reply (port: MessagePort, message: RankReply): void {
  port.postMessage(message)
}

/** Requests in order of arrival, whether they came while the thread slept or while it computed. */
class Inbox {
  readonly #port: MessagePort
  readonly #requests: RankRequest[] = []
  #wake: () => void = () => {}

  constructor (port: MessagePort) {
    this.#port = port
    port.on('message', (request: RankRequest) => {
      this.#requests.push(request)
      this.#wake()
    })
  }

  /** Resolves when there is a request. */
  async fill (): Promise<void> {
    if (this.#requests.length === 0) await new Promise<void>(resolve => { this.#wake = resolve })
  }

  next (): RankRequest | null {
    const early = this.#requests.shift()
    if (early !== undefined) return early
    const received = receiveMessageOnPort(this.#port) as { message: RankRequest } | undefined
    return received?.message ?? null
  }
}
