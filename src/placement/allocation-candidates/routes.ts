// `/allocation_candidates`: in which ways a request could be met now.
import { ok } from '#placement/answers.ts';
import type { PlacementDeps, PlacementRoute } from '#placement/deps.ts';
import { assertClasses, assertTraits } from '#placement/names.ts';
import type { Call, Reply } from '#platform/http/api.ts';
import { loadProviderStates } from './provider-state.ts';
import { readCandidateRequest } from './read-request.ts';
import { searchCandidates } from './search.ts';
import { candidatesView } from './view.ts';

export const allocationCandidateRoutes: readonly PlacementRoute[] = [
  {
    method: 'GET',
    path: '/allocation_candidates',
    handler: list,
    policy: 'placement:allocation_candidates:list',
    since: '1.10',
  },
];

async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const request = readCandidateRequest(call);
  const traits = request.groups.flatMap((group) => [...group.required.flat(), ...group.forbidden]);
  await assertTraits(db.kysely, [
    ...traits,
    ...(request.rootRequired ?? []),
    ...(request.rootForbidden ?? []),
  ]);
  await assertClasses(
    db.kysely,
    request.groups.flatMap((group) => Object.keys(group.resources)),
  );
  const providers = await loadProviderStates(db.kysely);
  const candidates = searchCandidates(providers, request);
  return ok(call, candidatesView({ candidates, providers }, request, call.microversion));
}
