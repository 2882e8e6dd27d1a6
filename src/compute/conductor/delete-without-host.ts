// Deleting a server that is on no host: it never got one, or its launch was unwound. Ports of it may exist all the same.
import type { ComputeDeps } from '../deps.ts';
import { releasePorts } from '../host/ports.ts';
import { removeShelvedImage } from '../host/shelved-image.ts';
import { agentQueue, type ActionRef, type AgentRpc } from '../rpc.ts';
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { finishDelete } from './actions.ts';
import { findEntry, findInstance } from './store.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { releaseVolumes } from '../block-devices/release.ts';
import { removeDevices } from '../block-devices/store.ts';

/** When the scheduler gave it a host in the meantime, the host deletes it. */
export async function deleteServerWithoutHost(deps: ComputeDeps, args: ActionRef): Promise<void> {
  const handedOver = await deps.db.transaction(async (trx) => {
    const entry = await findInstance(trx, args.instance_id);
    if (!entry) return true;
    if (entry.host === null) return false;
    await enqueue(trx, rpcClient<AgentRpc>(deps.bus, agentQueue(entry.host)).message('deleteServer', args));
    return true;
  });
  if (handedOver) return;
  await releasePorts(deps, args.instance_id);
  await tryReleaseVolumes(deps, args.instance_id);
  const entry = await findInstance(deps.db.kysely, args.instance_id);
  if (entry) await removeShelvedImage(deps, entry);
  await finishDelete(deps, args);
}

/** What can not be freed now is freed by the loop, which goes by the rows that stay. */
export async function tryReleaseVolumes(deps: ComputeDeps, instanceId: string): Promise<void> {
  const entry = await findEntry(deps.db.kysely, instanceId);
  if (!entry || entry.devices.length === 0) return;
  try {
    await releaseVolumes(deps, entry.devices, entry.launched_at !== null);
    await removeDevices(
      deps.db.kysely,
      entry.devices.map((device) => device.id),
    );
  } catch (error) {
    deps.log.warn({ server_id: instanceId, causes: causeChain(error) }, 'volumes are to be freed later');
  }
}
