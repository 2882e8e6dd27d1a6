// The body of compute's errors: one key named for the status, with code and message.
import type { FaultContext, RenderedFault } from '#platform/http/api.ts';
import { earlyFault } from '#platform/http/early-fault.ts';

const NAMES: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** Error codes whose status is not their kind's. */
export const COMPUTE_FAULTS: Readonly<Record<string, number>> = { 'method-not-allowed': 404 };

/** 401 has the form of the field's token middleware, which answers before any service does. */
export function renderComputeFault(fault: FaultContext): RenderedFault {
  const { status, message } = fault;
  const early = earlyFault(fault);
  if (early) return early;
  if (status === 401) return { body: { error: { code: 401, title: 'Unauthorized', message } } };
  return { body: { [NAMES[status] ?? 'computeFault']: { code: status, message } } };
}
