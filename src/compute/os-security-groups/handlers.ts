// Security groups in compute's old words: each call is one on the network service, with the caller's token.
import { isIPv6 } from 'node:net';
import { Reply, type Call } from '#platform/http/api.ts';
import type { SecurityGroup } from '#platform/clients/network.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { readLimit } from '#compute/paging.ts';
import { UUID_PATTERN } from '#compute/schema-types.ts';
import { ruleView, securityGroupView } from './view.ts';

const tokenOf = (call: Call): string => call.token ?? '';

const byId = (groups: readonly SecurityGroup[]): Map<string, SecurityGroup> =>
  new Map(groups.map((group) => [group.id, group]));

/** Those of the caller's project; an administrator's list has no others either, unless it asks for all. */
async function groupsOf(call: Call, deps: ComputeDeps): Promise<SecurityGroup[]> {
  const all = call.query.has('all_tenants') && call.principal.roles.includes('admin');
  return deps.network.listSecurityGroups(
    tokenOf(call),
    all ? {} : { project_id: [call.principal.projectId ?? ''] },
  );
}

async function requireGroup(
  call: Call,
  deps: ComputeDeps,
  id: string,
): Promise<{ group: SecurityGroup; all: Map<string, SecurityGroup> }> {
  const all = byId(await deps.network.listSecurityGroups(tokenOf(call), {}));
  const group = all.get(id);
  if (!group) throw new NotFound(`Security group ${id.slice(0, 255)} not found.`, 'security-group-not-found');
  return { group, all };
}

export async function listAll(call: Call, deps: ComputeDeps): Promise<unknown> {
  const limit = readLimit(call.query, deps.config.maxLimit);
  const offset = Number(/^\d{1,9}$/.exec(call.query.get('offset') ?? '0')?.[0] ?? 0);
  const groups = await groupsOf(call, deps);
  const all = byId(groups);
  const sorted = groups.toSorted((a, b) => a.name.localeCompare(b.name));
  return {
    security_groups: sorted.slice(offset, offset + limit).map((group) => securityGroupView(group, all)),
  };
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { group, all } = await requireGroup(call, deps, call.params['id'] ?? '');
  return { security_group: securityGroupView(group, all) };
}

interface GroupBody {
  readonly security_group: { readonly name: string; readonly description?: string | null };
}

const attributesOf = (call: Call): { name: string; description: string } => {
  const { name, description } = (call.body as GroupBody).security_group;
  return { name, description: description ?? '' };
};

export async function create(call: Call, deps: ComputeDeps): Promise<unknown> {
  const group = await inOldStatuses(async () =>
    deps.network.createSecurityGroup(tokenOf(call), attributesOf(call)),
  );
  return { security_group: securityGroupView(group, byId([group])) };
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { group } = await requireGroup(call, deps, call.params['id'] ?? '');
  if (group.name === 'default') throw new InvalidInput(`Unable to update system group '${group.name}'`);
  const changed = await inOldStatuses(async () =>
    deps.network.updateSecurityGroup(tokenOf(call), group.id, attributesOf(call)),
  );
  return { security_group: securityGroupView(changed, byId([changed])) };
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const { group } = await requireGroup(call, deps, call.params['id'] ?? '');
  if (group.name === 'default') throw new InvalidInput(`Unable to delete system group '${group.name}'`);
  await inOldStatuses(async () => deps.network.deleteSecurityGroup(tokenOf(call), group.id));
  return new Reply(202);
}

/** `DELETE /os-security-groups` without an id names nothing. */
export async function refuseNameless(): Promise<never> {
  throw new NotFound('The resource could not be found.');
}

interface RuleBody {
  readonly security_group_rule: {
    readonly parent_group_id: string;
    readonly ip_protocol?: string | null;
    readonly from_port?: number | string | null;
    readonly to_port?: number | string | null;
    readonly cidr?: string | null;
    readonly group_id?: string | null;
  };
}

export async function createRule(call: Call, deps: ComputeDeps): Promise<unknown> {
  const wanted = (call.body as RuleBody).security_group_rule;
  if (!new RegExp(UUID_PATTERN).test(wanted.parent_group_id))
    throw new InvalidInput('Security group id should be uuid', 'invalid-id');
  const { group, all } = await requireGroup(call, deps, wanted.parent_group_id);
  const remote = wanted.group_id ?? undefined;
  if (remote !== undefined && !all.has(remote)) throw new NotFound(`Security group ${remote} not found.`);
  const protocol = wanted.ip_protocol?.toLowerCase() ?? null;
  const cidr = wanted.cidr ?? undefined;
  const rule = await inOldStatuses(async () =>
    deps.network.createSecurityGroupRule(tokenOf(call), {
      security_group_id: group.id,
      direction: 'ingress',
      ethertype: cidr !== undefined && isIPv6(cidr.split('/')[0] ?? '') ? 'IPv6' : 'IPv4',
      protocol,
      port_range_min: portOf(wanted.from_port),
      port_range_max: portOf(wanted.to_port),
      ...(remote === undefined ? { remote_ip_prefix: cidr ?? '0.0.0.0/0' } : { remote_group_id: remote }),
    }),
  );
  return { security_group_rule: ruleView(rule, group.id, all) };
}

/** -1 meant any. */
function portOf(port: number | string | null | undefined): number | null {
  return port === undefined || port === null || Number(port) < 0 ? null : Number(port);
}

export async function removeRule(call: Call, deps: ComputeDeps): Promise<Reply> {
  const id = call.params['id'] ?? '';
  const [rule] = await deps.network.listSecurityGroupRules(tokenOf(call), { id: [id] });
  if (!rule) throw new NotFound(`Security group rule ${id.slice(0, 255)} not found.`, 'rule-not-found');
  await inOldStatuses(async () => deps.network.deleteSecurityGroupRule(tokenOf(call), id));
  return new Reply(202);
}

/** Compute answered 400 where the network service answers 409: a group in use, a rule that is there already. */
async function inOldStatuses<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'conflict') throw error;
    if (/[Qq]uota/.test(error.message)) throw new DomainError('over-limit', 'quota-exceeded', error.message);
    throw new InvalidInput(error.message);
  }
}
