// `restore`: brings back a server that was deleted and is not gone yet. Where deletes are at once there never is one.
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import type { FlavorSnapshot } from '#compute/tables.ts';
import { admitAction, commitAction, type ActionSpec } from '../begin-action.ts';

const SPEC: ActionSpec = {
  action: 'restore',
  rule: 'os_compute_api:os-deferred-delete:restore',
  from: { vm: ['soft-delete'] },
  task: 'restoring',
  message: (agent, ref) => agent.message('restoreServer', ref),
};

export async function restoreServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const row = await admitAction(call, deps, SPEC);
  const { vcpus: cores, ram } = JSON.parse(row.flavor_json) as FlavorSnapshot;
  const also = async (trx: Parameters<typeof assertQuota>[0]): Promise<void> =>
    assertQuota(trx, row.project_id, row.user_id, { instances: 1, cores, ram });
  await commitAction(call, deps, row, { ...SPEC, also }, handledAt);
}
