// Strict query strings: from a microversion on, a name that the resource does not know is refused instead of passed over.
// Called first by handlers that read a query.
import type { Call } from '#platform/http/api.ts';
import { atLeast, type VersionText } from '#platform/microversion/microversion.ts';
import { InvalidInput } from './errors.ts';

/** Names of paging that lists take. */
export const PAGING = ['limit', 'marker'] as const;

/** @throws InvalidInput naming the first that is not in `known`, from `since` on */
export function refuseUnknownQuery(call: Call, since: VersionText, known: Iterable<string>): void {
  if (!atLeast(call.microversion, since)) return;
  const names = new Set(known);
  const unknown = [...call.query.keys()].find((name) => !names.has(name));
  if (unknown !== undefined)
    throw new InvalidInput(
      `Additional properties are not allowed ('${unknown.slice(0, 255)}' was unexpected) in the query.`,
      'unknown-query',
    );
}
