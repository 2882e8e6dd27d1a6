// Which providers serve what a server's ports ask for, and giving it back when a port leaves the server.
import { findServing, giveBackInTransaction } from '#placement/claim.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { ComputeDeps } from '../deps.ts';
import type { ConductorRpc } from '../rpc.ts';
import { portRequestsOf } from '../servers/port-requests.ts';
import { findInstance, findNodeName, listMoveIds, updateInstance } from './store.ts';

/** While a server moves both hosts are claimed: one for it, one for its move. */
export async function findPortProviders(
  { db }: Pick<ComputeDeps, 'db'>,
  { instance_id, host }: Parameters<ConductorRpc['findPortProviders']>[0],
): Promise<Record<string, string>> {
  const entry = await findInstance(db.kysely, instance_id);
  if (!entry) return {};
  const name = await findNodeName(db.kysely, host);
  const consumers = [instance_id, ...(await listMoveIds(db.kysely, instance_id))];
  const found: Record<string, string> = {};
  for (const request of portRequestsOf(entry)) {
    const provider = await findServing(db.kysely, consumers, name ?? host, request);
    if (provider !== undefined) found[request.id] = provider;
  }
  return found;
}

/** The port is the server's no more. May be repeated. */
export async function releasePortRequest(
  { db, clock }: Pick<ComputeDeps, 'db' | 'clock'>,
  { instance_id, port_id }: Parameters<ConductorRpc['releasePortRequest']>[0],
): Promise<void> {
  await db.transaction(async (trx) => {
    const entry = await findInstance(trx, instance_id);
    const requests = entry ? portRequestsOf(entry) : [];
    const leaving = requests.filter((request) => request.port_id === port_id);
    if (!entry || leaving.length === 0) return;
    for (const request of leaving) await giveBackInTransaction(trx, instance_id, request);
    const left = requests.filter((request) => request.port_id !== port_id);
    await updateInstance(trx, instance_id, { port_requests_json: JSON.stringify(left) }, isoTime(clock));
  });
}
