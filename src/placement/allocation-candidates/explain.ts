// Says of a tree that serves no candidate why it does not: for the scheduler's record and for administrators. Pure.
import { shortageOf } from '#placement/capacity.ts';
import type { Shortage } from '#placement/errors.ts';
import type { CandidateRequest, RequestGroup } from './request.ts';
import type { ProviderState } from './provider-state.ts';
import { mayServe, type Tree } from './search.ts';

export type Refusal =
  | { readonly kind: 'shortage'; readonly shortage: Shortage }
  | { readonly kind: 'missing-trait'; readonly traits: readonly string[] }
  | { readonly kind: 'forbidden-trait'; readonly trait: string }
  | { readonly kind: 'aggregate' }
  | { readonly kind: 'combination' };

/** The first reason of each group that can't be served; `combination` when each could be alone but not all together. */
export function explainTree(
  tree: Tree,
  request: CandidateRequest,
  providers: ReadonlyMap<string, ProviderState>,
): Refusal[] {
  const reasons = request.groups.flatMap((group) => explainGroup(tree, group, providers));
  return reasons.length > 0 ? reasons : [{ kind: 'combination' }];
}

function explainGroup(
  tree: Tree,
  group: RequestGroup,
  providers: ReadonlyMap<string, ProviderState>,
): Refusal[] {
  const pool = [...tree.members, ...tree.sharing].filter((provider) => mayServe(provider, group, providers));
  if (pool.length === 0) return [{ kind: 'aggregate' }];
  const reasons: Refusal[] = [];
  for (const [name, amount] of Object.entries(group.resources)) {
    const shortages = pool.map((provider) =>
      shortageOf(name, amount, provider.inventories.get(name), provider.used.get(name) ?? 0),
    );
    if (shortages.some((each) => each === undefined)) continue;
    const nearest = (shortages as Shortage[]).toSorted((a, b) => (b.free ?? -1) - (a.free ?? -1))[0];
    if (nearest) reasons.push({ kind: 'shortage', shortage: nearest });
  }
  const traits = new Set(pool.flatMap((provider) => [...provider.traits]));
  for (const any of group.required)
    if (!any.some((trait) => traits.has(trait))) reasons.push({ kind: 'missing-trait', traits: any });
  for (const trait of group.forbidden)
    if (pool.every((provider) => provider.traits.has(trait)))
      reasons.push({ kind: 'forbidden-trait', trait });
  return reasons;
}
