// `/servers/{id}/os-server-password`: the password that a guest made and encrypted with the key pair, if it told one.
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeRoute } from '#compute/deps.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findServer } from '../find-server.ts';
import { updateInstance } from '../store.ts';

const kept = (row: InstanceRow): Record<string, string> =>
  JSON.parse(row.system_metadata_json) as Record<string, string>;

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-password:show');
  return { password: kept(row)['password'] ?? '' };
}

async function clear(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-password:clear');
  const { password: _password, ...rest } = kept(row);
  await updateInstance(deps.db.kysely, row.id, { system_metadata_json: JSON.stringify(rest) });
  return new Reply(204);
}

const path = '/v2.1/servers/:id/os-server-password';

export const serverPasswordRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: show },
  { method: 'DELETE', path, handler: clear, success: 204 },
];
