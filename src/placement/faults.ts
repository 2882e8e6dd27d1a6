// The body of placement's errors, with a stable code from 1.23 on.
import { STATUS_CODES } from 'node:http';
import type { FaultContext, RenderedFault } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { PLACEMENT_CODES, UNDEFINED_CODE } from './errors.ts';

/** 401 has the form of the field's token middleware, which answers before any service does. */
export function renderPlacementFault({
  status,
  message,
  error,
  requestId,
  microversion,
}: FaultContext): RenderedFault {
  if (status === 401) return { body: { error: { code: 401, title: 'Unauthorized', message } } };
  const versions =
    status === 406
      ? { min_version: error?.fields['min_version'], max_version: error?.fields['max_version'] }
      : {};
  const code = PLACEMENT_CODES[error?.code ?? ''] ?? UNDEFINED_CODE;
  const coded = microversion !== undefined && atLeast(microversion, '1.23') ? { code } : {};
  const fault = {
    status,
    title: STATUS_CODES[status] ?? 'Error',
    detail: message,
    ...coded,
    request_id: requestId,
  };
  return { body: { errors: [{ ...fault, ...versions }] } };
}
