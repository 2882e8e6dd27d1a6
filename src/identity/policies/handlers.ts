// List, show, create, update, remove a policy: a text of some media type, kept as it is for whoever fetches it.
import type { Call } from '#platform/http/api.ts';
import type { PolicyRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { NotFound } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, extraOf, lookUp, mergedExtra, parseObject } from '../resource.ts';
import type { CreatePolicy, UpdatePolicy } from './schema.ts';
import { findPolicy, insertPolicy, listPolicyRows, removePolicy, updatePolicy } from './store.ts';

const KNOWN = ['blob', 'type'];

export function policyView(row: PolicyRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    type: row.type,
    blob: row.blob,
    links: { self: `${baseUrl}/v3/policies/${row.id}` },
  };
}

export async function listPolicies(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listPolicyRows(deps.db.kysely, exactFilters(call, ['type']));
  return listAnswer(
    call,
    'policies',
    rows.map((row) => policyView(row, call.baseUrl)),
    ['type'],
  );
}

export async function showPolicy(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { policy: policyView(await getPolicy(call, deps), call.baseUrl) };
}

export async function createPolicy(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { policy } = call.body as CreatePolicy;
  const row: PolicyRow = {
    id: newId(),
    type: policy.type,
    blob: policy.blob,
    extra: JSON.stringify(extraOf(policy, KNOWN)),
  };
  await deps.db.transaction(async (trx) => insertPolicy(trx, row));
  return { policy: policyView(row, call.baseUrl) };
}

export async function updateOnePolicy(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getPolicy(call, deps);
  const { policy } = call.body as UpdatePolicy;
  const changes = defined<PolicyRow>({
    type: policy.type,
    blob: policy.blob,
    extra: mergedExtra(row, policy, KNOWN),
  });
  await deps.db.transaction(async (trx) => updatePolicy(trx, row.id, changes));
  return { policy: policyView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOnePolicy(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getPolicy(call, deps);
  await deps.db.transaction(async (trx) => removePolicy(trx, id));
  return undefined;
}

/** @throws NotFound */
export async function getPolicy(
  call: Call,
  deps: IdentityDeps,
  id = call.params['id'] ?? '',
): Promise<PolicyRow> {
  const row = await lookUp(id, async (key) => findPolicy(deps.db.kysely, key));
  if (!row) throw new NotFound('policy', id);
  return row;
}
