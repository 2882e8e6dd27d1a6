// Errors in the identity API's form: `{"error": {"code", "message", "title"}}`.
import { STATUS_CODES } from 'node:http';
import type { FaultContext, RenderedFault, SchemaProblem } from '#platform/http/api.ts';
import { earlyFault } from '#platform/http/early-fault.ts';

export function renderFault(fault: FaultContext): RenderedFault {
  const early = fault.status === 413 ? earlyFault(fault) : undefined;
  if (early) return early;
  return {
    body: {
      error: { code: fault.status, message: messageOf(fault), title: STATUS_CODES[fault.status] ?? 'Error' },
    },
  };
}

function messageOf(fault: FaultContext): string {
  if (fault.error?.code !== 'policy-denied') return fault.message;
  return `You are not authorized to perform the requested action: ${String(fault.error.fields['rule'])}.`;
}

/** Names the field and never shows its value, which may be a password. */
export function schemaMessage(problem: SchemaProblem): string {
  const field = problem.path === '' ? 'body' : problem.path.slice(1).replaceAll('/', '.');
  return `Invalid input for field '${field}': ${problem.message}`;
}
