// The search over what is in the database now. REST and compute's scheduler ask here.
import type { PlacementTables } from '#placement/tables.ts';
import type { Executor } from '#platform/sql/database.ts';
import { explainTree, type Refusal } from './explain.ts';
import { loadProviderStates } from './provider-state.ts';
import { searchCandidates, treesOf } from './search.ts';
import type { CandidateRequest, CandidateSearch } from './request.ts';

export interface ExplainedSearch extends CandidateSearch {
  /** Root provider id → why its tree has no candidate. */
  readonly refusals: ReadonlyMap<string, readonly Refusal[]>;
}

/** `db`: the database or a transaction of it; it must hold placement's tables. */
export async function findCandidates<T>(
  db: Executor<T>,
  request: CandidateRequest,
): Promise<ExplainedSearch> {
  const providers = await loadProviderStates(db as unknown as Executor<PlacementTables>);
  const candidates = searchCandidates(providers, request);
  const served = new Set(candidates.map((candidate) => candidate.rootId));
  const refusals = new Map(
    treesOf(providers)
      .filter((tree) => !served.has(tree.root.id))
      .map((tree) => [tree.root.id, explainTree(tree, request, providers)]),
  );
  return { candidates, providers, refusals };
}
