// What a search for allocation candidates asks for and gives, whoever asks: the REST API or compute's scheduler.
import type { ProviderState } from './provider-state.ts';

/** One group of a request. `suffix` '' is the unnumbered one, whose classes may come from different providers of a tree. */
export interface RequestGroup {
  readonly suffix: string;
  readonly resources: Readonly<Record<string, number>>;
  /** All of these must hold; each holds when the provider has any of its names. */
  readonly required: ReadonlyArray<readonly string[]>;
  readonly forbidden: readonly string[];
  /** Aggregates: each entry must hold by any of its ids. */
  readonly memberOf: ReadonlyArray<readonly string[]>;
  readonly notMemberOf: readonly string[];
  /** Only providers of the tree that this one is in. */
  readonly inTree?: string;
}

export interface CandidateRequest {
  readonly groups: readonly RequestGroup[];
  readonly groupPolicy?: 'none' | 'isolate';
  readonly limit?: number;
  /** Traits that the tree's root must or must not have. */
  readonly rootRequired?: readonly string[];
  readonly rootForbidden?: readonly string[];
  /** Each: suffixes whose providers must lie below one of them. */
  readonly sameSubtree?: ReadonlyArray<readonly string[]>;
  /** False: no candidate spans several providers of a tree (before 1.29). Default true. */
  readonly nested?: boolean;
}

export interface Candidate {
  readonly rootId: string;
  /** Provider id → amounts by class. */
  readonly allocations: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Suffix → the providers that serve the group. */
  readonly mappings: Readonly<Record<string, readonly string[]>>;
}

export interface CandidateSearch {
  readonly candidates: readonly Candidate[];
  /** Every provider, by id. */
  readonly providers: ReadonlyMap<string, ProviderState>;
}

export const emptyGroup = (suffix: string): RequestGroup => ({
  suffix,
  resources: {},
  required: [],
  forbidden: [],
  memberOf: [],
  notMemberOf: [],
});
