// What travels with a request through REST, RPC and sagas: ids for logs and the W3C trace context.
// Kept in an AsyncLocalStorage, so that loggers and clients need no extra parameter.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes, randomUUID } from 'node:crypto';

export interface RequestContext {
  /** `req-<uuid>`, returned as `x-openstack-request-id`. */
  readonly requestId: string;
  /** The caller's own request id when it forwarded one (`X-OpenStack-Request-ID` on the way in). */
  readonly globalRequestId?: string;
  /** 32 hex digits (W3C trace id). */
  readonly traceId: string;
  /** 16 hex digits: the span under which work in this context happens. */
  readonly spanId: string;
  /** The caller's span, when it named one. */
  readonly parentSpanId?: string;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** A context of its own; with `parent` it continues the parent's trace. */
export function newContext(parent?: {
  traceparent?: string | undefined;
  globalRequestId?: string | undefined;
}): RequestContext {
  const remote = parseTraceparent(parent?.traceparent);
  return {
    requestId: `req-${randomUUID()}`,
    ...(parent?.globalRequestId ? { globalRequestId: parent.globalRequestId } : {}),
    ...(remote ? { parentSpanId: remote.spanId } : {}),
    traceId: remote?.traceId ?? randomBytes(16).toString('hex'),
    spanId: randomBytes(8).toString('hex'),
  };
}

export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

export function runInContext<T>(context: RequestContext, fn: () => T): T {
  return storage.run(context, fn);
}

/** `00-<trace id>-<span id>-01`, https://www.w3.org/TR/trace-context/. */
export function traceparentOf(context: RequestContext): string {
  return `00-${context.traceId}-${context.spanId}-01`;
}

export function parseTraceparent(
  header: string | undefined,
): { traceId: string; spanId: string } | undefined {
  const match = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/.exec(
    header ?? '',
  );
  if (!match?.[1] || !match[2]) return undefined;
  return { traceId: match[1], spanId: match[2] };
}
