// Which endpoints an endpoint group or a project's ties stand for. Pure.
import type { EndpointRow } from '../database.ts';
import type { Tie } from './store.ts';

/** Of `service_id`, `region_id` and `interface`: those that an endpoint must have. */
export type Filters = Readonly<Record<string, unknown>>;

export function fitsFilters(endpoint: EndpointRow, filters: Filters): boolean {
  return Object.entries(filters).every(([key, value]) => endpoint[key as keyof EndpointRow] === value);
}

/** Those that the ties name, themselves or by a group. */
export function tiedEndpoints<E extends EndpointRow>(
  endpoints: readonly E[],
  ties: ReadonlyArray<Tie & { filters: string | null }>,
): E[] {
  const ids = new Set(ties.filter((tie) => tie.kind === 'endpoint').map((tie) => tie.target_id));
  const groups = ties.flatMap((tie) => (tie.filters === null ? [] : [JSON.parse(tie.filters) as Filters]));
  return endpoints.filter(
    (endpoint) => ids.has(endpoint.id) || groups.some((filters) => fitsFilters(endpoint, filters)),
  );
}
