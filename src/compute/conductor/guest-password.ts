// The password that a guest tells the metadata service, encrypted by it with the server's key pair; `os-server-password`
// shows and clears it.
import { findInstance, updateInstance } from '../servers/store.ts';
import type { ComputeDeps } from '../deps.ts';
import type { ConductorRpc } from '../rpc.ts';

const keptOf = (json: string): Record<string, string> => JSON.parse(json) as Record<string, string>;

/** Empty when none is kept. */
export async function getGuestPassword(
  { db }: ComputeDeps,
  { instance_id }: Parameters<ConductorRpc['getGuestPassword']>[0],
): Promise<string> {
  const row = await findInstance(db.kysely, instance_id);
  return row ? (keptOf(row.system_metadata_json)['password'] ?? '') : '';
}

/** @returns false when one is kept already */
export async function keepGuestPassword(
  { db }: ComputeDeps,
  { instance_id, password }: Parameters<ConductorRpc['keepGuestPassword']>[0],
): Promise<boolean> {
  return db.transaction(async (trx) => {
    const row = await findInstance(trx, instance_id);
    const kept = row && keptOf(row.system_metadata_json);
    if (!kept || kept['password']) return false;
    await updateInstance(trx, instance_id, { system_metadata_json: JSON.stringify({ ...kept, password }) });
    return true;
  });
}
