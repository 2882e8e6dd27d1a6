// `/os-quota-class-sets`: the limits of projects without their own; only the class `default` has an effect.
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import { limitsOfMany } from '#compute/quota-sets/count.ts';
import { readLimits } from '#compute/quota-sets/handlers.ts';
import {
  updateQuotaClassSet_2_1,
  updateQuotaClassSet_2_50,
  updateQuotaClassSet_2_57,
} from '#compute/quota-sets/schema.ts';
import { saveLimits } from '#compute/quota-sets/store.ts';
import { limitsView } from '#compute/quota-sets/view.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';

const path = '/v2.1/os-quota-class-sets/:id';

export const quotaClassRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: show, policy: 'os_compute_api:os-quota-class-sets:show' },
  {
    method: 'PUT',
    path,
    handler: update,
    policy: 'os_compute_api:os-quota-class-sets:update',
    body: [
      { schema: updateQuotaClassSet_2_1 },
      { since: '2.50', schema: updateQuotaClassSet_2_50 },
      { since: '2.57', schema: updateQuotaClassSet_2_57 },
    ],
  },
];

/** Group limits showed from 2.50 on, when the network's went. */
async function viewOf(call: Call, { db }: ComputeDeps): Promise<Record<string, number>> {
  const scope = `class:${call.params['id'] ?? ''}`;
  const limits = limitsView((await limitsOfMany(db.kysely, [scope])).get(scope)!, call.microversion); // asked for
  if (atLeast(call.microversion, '2.50')) return limits;
  const { server_groups: _groups, server_group_members: _members, ...rest } = limits;
  return rest;
}

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { quota_class_set: { id: call.params['id'], ...(await viewOf(call, deps)) } };
}

async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { quota_class_set } = call.body as { quota_class_set: Record<string, unknown> };
  await deps.db.transaction(async (trx) =>
    saveLimits(trx, `class:${call.params['id'] ?? ''}`, readLimits(quota_class_set)),
  );
  return { quota_class_set: await viewOf(call, deps) };
}
