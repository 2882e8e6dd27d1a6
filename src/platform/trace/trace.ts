// OpenTelemetry spans around requests and steps. Without an SDK they cost nothing; `startTracing` loads one when asked.
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
} from '@opentelemetry/api';
import { currentContext, runInContext, type RequestContext } from '#platform/context/request-context.ts';

const tracer = trace.getTracer('pileus');

/** Runs `fn` in `request`'s context and in a span of `name`, child of the caller's. Errors mark the span and pass on. */
export async function spanOfRequest<T>(
  name: string,
  request: RequestContext,
  fn: () => Promise<T>,
): Promise<T> {
  const { traceId, parentSpanId } = request;
  const parent =
    parentSpanId === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId: parentSpanId,
          traceFlags: TraceFlags.SAMPLED,
          isRemote: true,
        });
  return runInContext(request, async () => span(name, {}, fn, parent));
}

/** A span below the one that is active. What `fn` sends to peers names it as their parent. */
export async function span<T>(
  name: string,
  attributes: Attributes,
  fn: () => Promise<T>,
  parent = context.active(),
): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, parent, async (active) => {
    const request = currentContext();
    try {
      if (!request || !active.isRecording()) return await fn();
      return await runInContext({ ...request, spanId: active.spanContext().spanId }, fn);
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

/** A span whose times are a record's: it begins and ends when that says, and is the parent of what runs in it. */
export interface TimedSpan {
  /** Errors pass on; what they mean for the span is said at its end. */
  run<T>(fn: () => Promise<T>): Promise<T>;
  /** Exports it. Milliseconds since the epoch. */
  end(at: number, attributes: Attributes, error?: string): void;
}

/** Below the span that is active. `startedAt` in milliseconds since the epoch. */
export function timedSpan(name: string, startedAt: number, attributes: Attributes): TimedSpan {
  const live = tracer.startSpan(name, { startTime: startedAt, attributes });
  return {
    run: async (fn) =>
      context.with(trace.setSpan(context.active(), live), async () => {
        const request = currentContext();
        if (!request || !live.isRecording()) return fn();
        return runInContext({ ...request, spanId: live.spanContext().spanId }, fn);
      }),
    end: (at, more, error) => {
      live.setAttributes(more);
      if (error !== undefined) live.setStatus({ code: SpanStatusCode.ERROR, message: error });
      live.end(at);
    },
  };
}

/** Records a span after the fact, for a hop that is over when its record is written. Times in milliseconds since the epoch. */
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
  const [{ NodeTracerProvider }, { BatchSpanProcessor, RandomIdGenerator }, { OTLPTraceExporter }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  const random = new RandomIdGenerator();
  const provider = new NodeTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter)],
    // The trace id of logs and request ids, which exist whether spans are exported or not.
    idGenerator: {
      generateTraceId: () => currentContext()?.traceId ?? random.generateTraceId(),
      generateSpanId: () => random.generateSpanId(),
    },
  });
  provider.register();
  return {
    [Symbol.asyncDispose]: async () => {
      await provider.shutdown();
      for (const api of [trace, context, propagation]) api.disable();
    },
  };
}
