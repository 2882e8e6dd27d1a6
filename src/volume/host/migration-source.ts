// What a backend does for a volume that leaves it: lets the destination's service read it, and forgets it when it has gone.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { ConnectionInfo } from '#drivers/volume/port.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { backendIn } from '#volume/volumes/host-name.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import { restoreConnections } from './connections.ts';
import type { BackendDeps } from './deps.ts';
import { isComing, isLeaving } from './migration-store.ts';

type ExportArgs = Parameters<VolumeServiceRpc['exportForMigration']>[0];
type EndArgs = Parameters<VolumeServiceRpc['endMigrationExport']>[0];

/** @throws VolumeBackendError absent, when nobody moves the volume away from here */
export async function exportForMigration(
  deps: BackendDeps,
  { operation_id, volume_id, connector }: ExportArgs,
): Promise<ConnectionInfo> {
  return deps.connectionLock.run('connections', async () => {
    if (!(await isLeaving(deps.db.kysely, operation_id, deps.host)))
      throw new VolumeBackendError('absent', `volume ${volume_id} is not being moved from ${deps.host}`);
    return deps.driver.connect(volume_id, { attachmentId: operation_id, connector, mode: 'ro' });
  });
}

/** Ends the export also where it was not made. What is not heard of here, the loop of the connections ends. */
export async function endMigrationExport(
  deps: BackendDeps,
  { operation_id, volume_id }: EndArgs,
): Promise<void> {
  await deps.connectionLock.run('connections', async () => deps.driver.disconnect(volume_id, operation_id));
}

/**
 * The last step of a move, and of one that was given up: sent by the outbox until it is done. Asks the database under the
 * volume's lock, so that a volume that came back meanwhile is left alone.
 */
export async function removeStrayCopy(
  deps: BackendDeps,
  { volume_id }: { readonly volume_id: string },
): Promise<void> {
  await deps.volumeLocks.run(volume_id, async () => {
    const volume = await findVolumeRow(deps.db.kysely, volume_id);
    if (volume?.host && backendIn(volume.host) === deps.host) return;
    if (await isComing(deps.db.kysely, volume_id, deps.host)) return;
    await restoreConnections(deps); // the export that it was read by, if its end was not heard
    await deps.driver.deleteVolume(volume_id);
  });
}
