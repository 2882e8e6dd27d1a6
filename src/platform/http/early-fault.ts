// The form of refusals that come before a service is asked, as the field's web framework words them: of a body past the
// limit, of a path that is not there. Rendered by the services' faults.
import { STATUS_CODES } from 'node:http';
import type { FaultContext, RenderedFault } from './api.ts';

const EARLY: ReadonlySet<string> = new Set(['body-too-large', 'unrouted', 'method-not-allowed']);

/** What Node names otherwise. */
const TITLES: Readonly<Record<number, string>> = { 413: 'Request Entity Too Large' };

export function titleOf(status: number): string {
  return TITLES[status] ?? STATUS_CODES[status] ?? 'Error';
}

/** Undefined where the service itself refuses. */
export function earlyFault({ status, message, error }: FaultContext): RenderedFault | undefined {
  if (error === undefined || !EARLY.has(error.code)) return undefined;
  const title = titleOf(status);
  const text = status === 404 ? 'The resource could not be found.' : message;
  return { body: { message: text, code: `${status} ${title}`, title } };
}
