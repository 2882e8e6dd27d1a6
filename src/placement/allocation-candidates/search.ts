// Finds the ways in which a request can be met by the providers there are. Pure: `find-candidates.ts` reads them.
// A tree is a root with all below it, plus the sharing providers that one of its aggregates brings in.
import { shortageOf } from '#placement/capacity.ts';
import type { Candidate, CandidateRequest, RequestGroup } from './request.ts';
import type { ProviderState } from './provider-state.ts';

const SHARING = 'MISC_SHARES_VIA_AGGREGATE';
const MAX_COMBINATIONS = 20_000; // a tree; beyond it a hostile or senseless request would hold the process up

export interface Tree {
  readonly root: ProviderState;
  readonly members: readonly ProviderState[];
  /** Providers from elsewhere that share what they have with this tree. */
  readonly sharing: readonly ProviderState[];
}

export function treesOf(providers: ReadonlyMap<string, ProviderState>): Tree[] {
  const members = Map.groupBy(providers.values(), (provider) => provider.rootId);
  const sharing = [...providers.values()].filter((provider) => provider.traits.has(SHARING));
  return [...members].flatMap(([rootId, own]) => {
    const root = providers.get(rootId);
    if (!root) return [];
    const brought = sharing.filter(
      (each) =>
        each.rootId !== rootId && own.some((member) => intersects(member.aggregates, each.aggregates)),
    );
    return [{ root, members: own, sharing: brought }];
  });
}

export function searchCandidates(
  providers: ReadonlyMap<string, ProviderState>,
  request: CandidateRequest,
): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Set<string>();
  const limit = request.limit ?? Infinity;
  for (const tree of treesOf(providers)) {
    if (found.length >= limit) break;
    if (!rootFits(tree.root, request)) continue;
    for (const candidate of candidatesOf(tree, request, providers)) {
      const key = JSON.stringify([[...candidate.allocations], candidate.mappings]);
      if (seen.has(key)) continue;
      seen.add(key);
      found.push(candidate);
      if (found.length >= limit) break;
    }
  }
  return found;
}

export function rootFits(root: ProviderState, request: CandidateRequest): boolean {
  return (
    (request.rootRequired ?? []).every((trait) => root.traits.has(trait)) &&
    !(request.rootForbidden ?? []).some((trait) => root.traits.has(trait))
  );
}

/** How one group is served: amounts by provider. */
interface Assignment {
  readonly suffix: string;
  readonly parts: ReadonlyArray<{ provider: ProviderState; resourceClass: string; amount: number }>;
  readonly providers: readonly ProviderState[];
}

function* candidatesOf(
  tree: Tree,
  request: CandidateRequest,
  providers: ReadonlyMap<string, ProviderState>,
): Generator<Candidate> {
  const options = request.groups.map((group) => assignmentsOf(tree, group, request, providers));
  if (options.some((each) => each.length === 0)) return;
  let tried = 0;
  for (const combination of product(options)) {
    if (++tried > MAX_COMBINATIONS) return;
    if (!policyHolds(combination, request) || !subtreesHold(combination, request, providers)) continue;
    if (request.groups.length > 1 && !fitsTogether(combination)) continue;
    const own = new Set(tree.members.map((member) => member.id));
    // Providers that all only share belong to a tree of their own, where they are found as well.
    if (!combination.some((each) => each.providers.some((provider) => own.has(provider.id)))) continue;
    yield toCandidate(tree, combination);
  }
}

function assignmentsOf(
  tree: Tree,
  group: RequestGroup,
  request: CandidateRequest,
  providers: ReadonlyMap<string, ProviderState>,
): Assignment[] {
  const pool = [...tree.members, ...tree.sharing].filter((provider) => mayServe(provider, group, providers));
  const classes = Object.entries(group.resources);
  if (group.suffix !== '') {
    return pool
      .filter((provider) => traitsHold(provider.traits, group) && hasAll(provider, classes))
      .map((provider) => ({
        suffix: group.suffix,
        parts: classes.map(([resourceClass, amount]) => ({ provider, resourceClass, amount })),
        providers: [provider],
      }));
  }
  const perClass = classes.map(([resourceClass, amount]) =>
    pool
      .filter((provider) => hasAll(provider, [[resourceClass, amount]]))
      .map((provider) => ({ provider, resourceClass, amount })),
  );
  const assignments: Assignment[] = [];
  let tried = 0;
  for (const parts of product(perClass)) {
    if (++tried > MAX_COMBINATIONS) break;
    const used = [...new Set(parts.map((part) => part.provider))];
    const local = used.filter((provider) => provider.rootId === tree.root.id);
    if (request.nested === false && local.length > 1) continue;
    // The unnumbered group's traits may be spread over the providers that serve it.
    if (traitsHold(new Set(used.flatMap((provider) => [...provider.traits])), group))
      assignments.push({ suffix: '', parts, providers: used });
  }
  return assignments;
}

function hasAll(provider: ProviderState, amounts: ReadonlyArray<readonly [string, number]>): boolean {
  return amounts.every(
    ([name, amount]) =>
      shortageOf(name, amount, provider.inventories.get(name), provider.used.get(name) ?? 0) === undefined,
  );
}

export function traitsHold(traits: ReadonlySet<string>, group: RequestGroup): boolean {
  return (
    group.required.every((any) => any.some((trait) => traits.has(trait))) &&
    !group.forbidden.some((trait) => traits.has(trait))
  );
}

/** Aggregates and tree. In the unnumbered group a root's aggregates count for the whole tree. */
export function mayServe(
  provider: ProviderState,
  group: RequestGroup,
  providers: ReadonlyMap<string, ProviderState>,
): boolean {
  if (group.inTree !== undefined && providers.get(group.inTree)?.rootId !== provider.rootId) return false;
  const root = group.suffix === '' ? providers.get(provider.rootId) : undefined;
  const inAny = (ids: readonly string[]): boolean =>
    ids.some((id) => provider.aggregates.has(id) || root?.aggregates.has(id) === true);
  return group.memberOf.every(inAny) && !inAny(group.notMemberOf);
}

function policyHolds(combination: readonly Assignment[], request: CandidateRequest): boolean {
  if (request.groupPolicy !== 'isolate') return true;
  const granular = combination.filter((each) => each.suffix !== '' && each.parts.length > 0);
  return new Set(granular.map((each) => each.providers[0]?.id)).size === granular.length;
}

function subtreesHold(
  combination: readonly Assignment[],
  request: CandidateRequest,
  providers: ReadonlyMap<string, ProviderState>,
): boolean {
  return (request.sameSubtree ?? []).every((suffixes) => {
    const members = combination
      .filter((each) => suffixes.includes(each.suffix))
      .flatMap((each) => each.providers);
    return members.some((top) => members.every((each) => isWithin(each, top, providers)));
  });
}

function isWithin(
  provider: ProviderState,
  top: ProviderState,
  providers: ReadonlyMap<string, ProviderState>,
): boolean {
  for (
    let at: ProviderState | undefined = provider;
    at;
    at = at.parentId === null ? undefined : providers.get(at.parentId)
  ) {
    if (at.id === top.id) return true;
  }
  return false;
}

/** Groups that share a provider must fit beside each other. */
function fitsTogether(combination: readonly Assignment[]): boolean {
  return [...sums(combination)].every(([provider, amounts]) => hasAll(provider, Object.entries(amounts)));
}

function sums(combination: readonly Assignment[]): Map<ProviderState, Record<string, number>> {
  const merged = new Map<ProviderState, Record<string, number>>();
  for (const { provider, resourceClass, amount } of combination.flatMap((each) => each.parts)) {
    const amounts = merged.get(provider) ?? {};
    amounts[resourceClass] = (amounts[resourceClass] ?? 0) + amount;
    merged.set(provider, amounts);
  }
  return merged;
}

function toCandidate(tree: Tree, combination: readonly Assignment[]): Candidate {
  return {
    rootId: tree.root.id,
    allocations: new Map([...sums(combination)].map(([provider, amounts]) => [provider.id, amounts])),
    mappings: Object.fromEntries(
      combination.map((each) => [each.suffix, each.providers.map((provider) => provider.id)]),
    ),
  };
}

/** Every way to take one of each. */
function* product<T>(options: ReadonlyArray<readonly T[]>): Generator<T[]> {
  const [first, ...rest] = options;
  if (!first) {
    yield [];
    return;
  }
  for (const head of first) for (const tail of product(rest)) yield [head, ...tail];
}

function intersects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return [...a].some((each) => b.has(each));
}
