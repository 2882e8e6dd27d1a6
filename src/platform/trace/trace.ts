// OpenTelemetry spans around requests and steps. Without an SDK they cost nothing; `startTracing` loads one when asked.
import { context, propagation, SpanStatusCode, trace, TraceFlags, type Attributes } from '@opentelemetry/api';
import { traceparentOf, type RequestContext } from '#platform/context/request-context.ts';

const tracer = trace.getTracer('pileus');

/** Runs `fn` in a span of `name`, child of the trace in `request`. Errors mark the span and pass on. */
export async function spanOfRequest<T>(
  name: string,
  request: RequestContext,
  fn: () => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(context.active(), { traceparent: traceparentOf(request) });
  return span(name, {}, fn, parent);
}

/** A span below the one that is active. */
export async function span<T>(
  name: string,
  attributes: Attributes,
  fn: () => Promise<T>,
  parent = context.active(),
): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, parent, async (active) => {
    try {
      return await fn();
    } catch (error) {
      active.setStatus({
        code: SpanStatusCode.ERROR,
        message: error instanceof Error ? error.message : String(error),
      });
      throw error;
    } finally {
      active.end();
    }
  });
}

/** Records a span after the fact, as for a saga step that a peer ran. Times in milliseconds since the epoch. */
export function recordSpan(
  name: string,
  request: Pick<RequestContext, 'traceId' | 'spanId'>,
  times: { start: number; end: number },
  attributes: Attributes,
  error?: string,
): void {
  const parent = trace.setSpanContext(context.active(), {
    traceId: request.traceId,
    spanId: request.spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
  const recorded = tracer.startSpan(name, { startTime: times.start, attributes }, parent);
  if (error !== undefined) recorded.setStatus({ code: SpanStatusCode.ERROR, message: error });
  recorded.end(times.end);
}

/**
 * Exports spans by OTLP/HTTP to `endpoint` (`http://127.0.0.1:4318`). Returns what ends it, flushing what is left.
 * The SDK is loaded here and not before: it costs start-up time and memory.
 */
export async function startTracing(endpoint: string): Promise<AsyncDisposable> {
  const [{ NodeTracerProvider }, { BatchSpanProcessor }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  return { [Symbol.asyncDispose]: async () => provider.shutdown() };
}
