// From the query of `GET /allocation_candidates` to a request: unnumbered and granular groups, root, tree and subtree wishes.
import { BadRequest } from '#placement/errors.ts';
import { normalUuid, readAggregates, readResources, readTraits, refuseUnknown } from '#placement/query.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { CandidateRequest, RequestGroup } from './request.ts';

const PLAIN = {
  resources: '1.10', limit: '1.16', required: '1.17', member_of: '1.21', group_policy: '1.25', in_tree: '1.31', root_required: '1.35', same_subtree: '1.36',
} as const; // prettier-ignore

const KEY = /^(resources|required|member_of|in_tree)(.*)$/;

/** Numbers until 1.32, names from 1.33 on. */
function suffixPattern(call: Call): RegExp | undefined {
  if (!atLeast(call.microversion, '1.25')) return undefined;
  const suffix = atLeast(call.microversion, '1.33') ? '[a-zA-Z0-9_-]{1,64}' : '[1-9][0-9]*';
  const names = atLeast(call.microversion, '1.31')
    ? 'resources|required|member_of|in_tree'
    : 'resources|required|member_of';
  return new RegExp(`^(${names})(${suffix})$`);
}

/** @throws BadRequest */
export function readCandidateRequest(call: Call): CandidateRequest {
  refuseUnknown(call, PLAIN, suffixPattern(call));
  const { query } = call;
  const suffixes = new Set([...query.keys()].flatMap((key) => KEY.exec(key)?.[2] ?? []));
  const groups = [...suffixes].toSorted().map((suffix) => readGroup(call, suffix));
  const sameSubtree = query.getAll('same_subtree').map((text) => readSubtree(text, suffixes));
  assertGroups(call, groups, sameSubtree);
  const policy = readPolicy(query, groups);
  const root = query.has('root_required')
    ? readTraits(call, [query.get('root_required') ?? ''], 'root_required')
    : undefined;
  const limit = readLimit(query.get('limit'));
  return {
    groups,
    ...(policy ? { groupPolicy: policy } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(root ? { rootRequired: root.required.flat(), rootForbidden: root.forbidden } : {}),
    sameSubtree,
    nested: atLeast(call.microversion, '1.29'),
  };
}

function readGroup(call: Call, suffix: string): RequestGroup {
  const { query } = call;
  const name = (key: string): string => `${key}${suffix}`;
  const inTree = query.get(name('in_tree'));
  const tree = inTree === null ? undefined : normalUuid(inTree);
  if (inTree !== null && tree === undefined)
    throw new BadRequest(
      `Invalid query string parameters: Expected '${name('in_tree')}' parameter to be a format of uuid. Got: ${inTree.slice(0, 255)}`,
    );
  const resources = query.get(name('resources'));
  return {
    suffix,
    resources: resources === null ? {} : readResources(resources, name('resources')),
    ...readTraits(call, query.getAll(name('required')), name('required')),
    ...readAggregates(call, query.getAll(name('member_of')), name('member_of')),
    ...(tree === undefined ? {} : { inTree: tree }),
  };
}

function assertGroups(
  call: Call,
  groups: readonly RequestGroup[],
  sameSubtree: ReadonlyArray<readonly string[]>,
): void {
  if (groups.every((group) => Object.keys(group.resources).length === 0))
    throw new BadRequest(
      'There must be at least one resources or resources[$S] parameter.',
      'query-missing-value',
    );
  for (const group of groups) {
    if (Object.keys(group.resources).length > 0) continue;
    const inSubtree = sameSubtree.some((suffixes) => suffixes.includes(group.suffix));
    if (group.suffix !== '' && atLeast(call.microversion, '1.36') && inSubtree) continue;
    const have = [
      group.required.length + group.forbidden.length > 0 ? `required${group.suffix}` : '',
      group.memberOf.length + group.notMemberOf.length > 0 ? `member_of${group.suffix}` : '',
      group.inTree === undefined ? '' : `in_tree${group.suffix}`,
    ].filter(Boolean);
    throw new BadRequest(
      `All parameters must be associated with a resources parameter. Without one: ${have.join(', ')}`,
      'query-bad-value',
    );
  }
}

function readPolicy(query: URLSearchParams, groups: readonly RequestGroup[]): 'none' | 'isolate' | undefined {
  const policy = query.get('group_policy');
  if (policy !== null && policy !== 'none' && policy !== 'isolate')
    throw new BadRequest(
      `Invalid query string parameters: Failed validating 'enum' for group_policy: '${policy.slice(0, 255)}' is not one of ['none', 'isolate']`,
    );
  const granular = groups.filter((group) => group.suffix !== '' && Object.keys(group.resources).length > 0);
  if (granular.length > 1 && policy === null)
    throw new BadRequest(
      'The "group_policy" parameter is required when specifying more than one "resources{N}" parameter.',
    );
  return policy ?? undefined;
}

function readSubtree(text: string, suffixes: ReadonlySet<string>): string[] {
  const wanted = text.split(',');
  const unknown = wanted.filter((each) => each === '' || !suffixes.has(each));
  if (unknown.length > 0)
    throw new BadRequest(
      `Real suffixes should be specified in same_subtree: unknown ${unknown.join(', ').slice(0, 255)}`,
      'query-bad-value',
    );
  return wanted;
}

function readLimit(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new BadRequest(
      `Invalid query string parameters: '${text.slice(0, 255)}' is not a limit of at least 1`,
    );
  return Number(text);
}
