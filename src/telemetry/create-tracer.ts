/**
 * Traces with OpenTelemetry, sent by OTLP over HTTP. Loaded only when they are switched on.
 *
 * There is no global provider and no context of its own: the trace of a request is handed from step to step, so a trace
 * can never show another request's spans.
 */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Context, type Span, type TextMapGetter } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, SimpleSpanProcessor, TraceIdRatioBasedSampler, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import type { AttemptTrace, RequestTrace, SpanTimes, TraceAttributes, Tracer } from './request-trace.js'

export interface TracerOptions {
  version: string
  /** Share (0 to 1) of the requests that begin a trace here; one that comes with a trace follows its decision. */
  sampleShare: number
  /** Base address of the collector, to which `/v1/traces` is added. */
  endpoint: string
  /** Instead of the collector; sent at once. */
  exporter?: SpanExporter
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

const propagator = new W3CTraceContextPropagator()
const getter: TextMapGetter<Headers> = {
  keys: headers => Object.keys(headers),
  get: (headers, name) => headers[name]
}

export function createTracer ({ version, sampleShare, endpoint, exporter }: TracerOptions): Tracer {
  const processor = exporter === undefined
    ? new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }))
    : new SimpleSpanProcessor(exporter)
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'gearbox', 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleShare) }),
    spanProcessors: [processor]
  })
  const tracer = provider.getTracer('gearbox', version)
  return {
    begin: (headers, start) => {
      const parent = propagator.extract(ROOT_CONTEXT, headers, getter)
      const span = tracer.startSpan('request', { kind: SpanKind.SERVER, startTime: new Date(start) }, parent)
      return new SpanTrace(span, trace.setSpan(parent, span), (name, kind, context, startTime) => tracer.startSpan(name, { kind, ...(startTime === null ? {} : { startTime }) }, context))
    },
    close: async () => { await provider.shutdown() }
  }
}

type StartSpan = (name: string, kind: SpanKind, context: Context, startTime: Date | null) => Span

class SpanTrace implements RequestTrace {
  readonly traceId: string
  readonly #span: Span
  readonly #context: Context
  readonly #start: StartSpan

  constructor (span: Span, context: Context, start: StartSpan) {
    this.#span = span
    this.#context = context
    this.#start = start
    this.traceId = span.spanContext().traceId
  }

  rename (name: string): void {
    this.#span.updateName(name)
  }

  set (attributes: TraceAttributes): void {
    this.#span.setAttributes(attributes)
  }

  step (name: string, { start, end }: SpanTimes, attributes: TraceAttributes): void {
    const span = this.#start(name, SpanKind.INTERNAL, this.#context, new Date(start))
    span.setAttributes(attributes)
    span.end(new Date(end))
  }

  attempt (attributes: TraceAttributes): AttemptTrace {
    const span = this.#start('worker attempt', SpanKind.CLIENT, this.#context, null)
    span.setAttributes(attributes)
    const headers: Record<string, string> = {}
    propagator.inject(trace.setSpan(this.#context, span), headers, { set: (carrier, name, value) => { carrier[name] = value } })
    return {
      headers,
      end: (more, errorType) => {
        span.setAttributes(more)
        endSpan(span, errorType)
      }
    }
  }

  end (errorType: string | null): void {
    endSpan(this.#span, errorType)
  }
}

function endSpan (span: Span, errorType: string | null): void {
  if (errorType !== null) {
    span.setAttribute('error.type', errorType)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}
