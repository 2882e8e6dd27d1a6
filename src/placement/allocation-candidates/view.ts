// Candidates as the API shows them, for each microversion. Pure.
import { capacityOf } from '#placement/capacity.ts';
import { atLeast, type Microversion } from '#platform/microversion/microversion.ts';
import type { Candidate, CandidateRequest, CandidateSearch } from './request.ts';
import type { ProviderState } from './provider-state.ts';

export function candidatesView(
  { candidates, providers }: CandidateSearch,
  request: CandidateRequest,
  version: Microversion,
): { allocation_requests: unknown[]; provider_summaries: Record<string, unknown> } {
  const asked = new Set(request.groups.flatMap((group) => Object.keys(group.resources)));
  const used = new Set(candidates.flatMap((candidate) => [...candidate.allocations.keys()]));
  const roots = new Set([...used].map((id) => providers.get(id)?.rootId));
  // From 1.29 on all of a tree is summed up, not only who gives something.
  const shown = [...providers.values()].filter((each) =>
    atLeast(version, '1.29') ? roots.has(each.rootId) : used.has(each.id),
  );
  return {
    allocation_requests: candidates.map((candidate) => requestView(candidate, version)),
    provider_summaries: Object.fromEntries(shown.map((each) => [each.id, summaryView(each, asked, version)])),
  };
}

function requestView(candidate: Candidate, version: Microversion): unknown {
  const pairs = [...candidate.allocations];
  if (!atLeast(version, '1.12'))
    return { allocations: pairs.map(([uuid, resources]) => ({ resource_provider: { uuid }, resources })) };
  return {
    allocations: Object.fromEntries(pairs.map(([uuid, resources]) => [uuid, { resources }])),
    ...(atLeast(version, '1.34') ? { mappings: candidate.mappings } : {}),
  };
}

function summaryView(provider: ProviderState, asked: ReadonlySet<string>, version: Microversion): unknown {
  const rows = [...provider.inventories].filter(([name]) => atLeast(version, '1.27') || asked.has(name));
  return {
    resources: Object.fromEntries(
      rows.map(([name, row]) => [name, { capacity: capacityOf(row), used: provider.used.get(name) ?? 0 }]),
    ),
    ...(atLeast(version, '1.17') ? { traits: [...provider.traits].toSorted() } : {}),
    ...(atLeast(version, '1.29')
      ? { parent_provider_uuid: provider.parentId, root_provider_uuid: provider.rootId }
      : {}),
  };
}
