/** Everything that watches: what the request path is given, and what the operator's port reads. */
import { DecisionLog } from './decision-log.js'
import { GatewayMetrics } from './metrics.js'
import { RequestObservation, type ArrivedRequest } from './request-observation.js'
import type { Tracer } from './request-trace.js'
import { TrafficHistory } from './traffic-history.js'

export interface TelemetryOptions {
  tracer?: Tracer | null
  /** Requests the decision log keeps. */
  keptDecisions?: number
  recordsContent?: boolean
  /** False leaves out memory, CPU and event loop of this process. */
  includesProcess?: boolean
}

export class Telemetry {
  readonly metrics: GatewayMetrics
  readonly decisions: DecisionLog
  readonly traffic = new TrafficHistory()
  readonly #tracer: Tracer | null
  readonly #recordsContent: boolean

  constructor ({ tracer = null, keptDecisions = 500, recordsContent = false, includesProcess = false }: TelemetryOptions = {}) {
    this.metrics = new GatewayMetrics({ includesProcess })
    this.decisions = new DecisionLog(keptDecisions)
    this.#tracer = tracer
    this.#recordsContent = recordsContent
  }

  begin (arrived: ArrivedRequest): RequestObservation {
    return new RequestObservation({ metrics: this.metrics, decisions: this.decisions, traffic: this.traffic, tracer: this.#tracer, recordsContent: this.#recordsContent }, arrived)
  }

  /** Sends the traces that wait. */
  async close (): Promise<void> {
    await this.#tracer?.close()
  }
}
