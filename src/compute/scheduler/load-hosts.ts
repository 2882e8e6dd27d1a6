// Puts together what the filters look at: compute's rows of the hosts and what placement offers on them.
import { capacityOf, findCandidates, type ExplainedSearch } from '#placement/claim.ts';
import type { ComputeExecutor } from '../deps.ts';
import type { HostReport } from '../rpc.ts';
import type { HostAggregate, HostState, SelectionRequest } from './host-state.ts';
import { candidateRequest } from './request.ts';
import { countGroupMembers, hostsOfServers, loadHostRows, type HostRows } from './store.ts';

export interface LoadOptions {
  readonly defaultZone: string;
}

/** Every compute node, with a constant number of statements. */
export async function loadHosts(
  db: ComputeExecutor,
  request: SelectionRequest,
  options: LoadOptions,
): Promise<HostState[]> {
  const rows = await loadHostRows(db);
  const search = await findCandidates(db, candidateRequest(request, request.portRequests));
  const members = request.group
    ? await countGroupMembers(db, request.group.id, request.instanceId)
    : new Map<string, number>();
  const hinted = await hostsOfServers(db, request.projectId, [...request.sameHost, ...request.differentHost]);
  // A provider that somebody made by hand under the node's name keeps its own id.
  const byName = new Map([...search.providers.values()].map((each) => [each.name, each.id]));
  const candidates = new Map(search.candidates.toReversed().map((each) => [each.rootId, each]));
  return rows.nodes.map((node): HostState => {
    const service = rows.services.find((each) => each.host === node.host);
    const aggregates = aggregatesOf(rows, node.host);
    const providerId = search.providers.has(node.id)
      ? node.id
      : (byName.get(node.hypervisor_hostname) ?? node.id);
    return {
      host: node.host,
      node: node.hypervisor_hostname,
      providerId,
      report: JSON.parse(node.report_json) as HostReport,
      disabled: service?.disabled === 1,
      disabledReason: service?.disabled_reason ?? null,
      forcedDown: service?.forced_down === 1,
      lastSeenAt: service?.last_seen_at ?? null,
      zone: zoneOf(aggregates, options.defaultZone),
      aggregates,
      free: freeOf(search, providerId),
      candidate: candidates.get(providerId)?.allocations ?? new Map<string, Record<string, number>>(),
      refusals: refusalsOf(search, providerId),
      groupMembers: members.get(node.host) ?? 0,
      building: rows.building.get(node.host) ?? 0,
      hinted: [...hinted].flatMap(([id, host]) => (host === node.host ? [id] : [])),
    };
  });
}

function aggregatesOf(rows: HostRows, host: string): HostAggregate[] {
  const ids = new Set(
    rows.aggregateHosts.filter((each) => each.host === host).map((each) => each.aggregate_id),
  );
  return rows.aggregates
    .filter((aggregate) => ids.has(aggregate.id))
    .map(({ id, name, metadata_json }) => ({
      id,
      name,
      metadata: JSON.parse(metadata_json) as Record<string, string>,
    }));
}

function zoneOf(aggregates: readonly HostAggregate[], fallback: string): string {
  return (
    aggregates.find((each) => each.metadata['availability_zone'])?.metadata['availability_zone'] ?? fallback
  );
}

function freeOf(search: ExplainedSearch, providerId: string): Record<string, number> {
  const provider = search.providers.get(providerId);
  if (!provider) return {};
  return Object.fromEntries(
    [...provider.inventories].map(([name, row]) => [name, capacityOf(row) - (provider.used.get(name) ?? 0)]),
  );
}

function refusalsOf(search: ExplainedSearch, providerId: string): HostState['refusals'] {
  if (!search.providers.has(providerId))
    return [
      {
        kind: 'shortage',
        shortage: { resourceClass: 'resources', needed: 0, free: null, reason: 'no-inventory' },
      },
    ];
  return search.refusals.get(providerId) ?? [];
}
