// Exports of this backend's volumes: made for an attachment's connector, ended with it, and brought back after a daemon of the
// backend was lost. What is to be reachable stands in the attachments; the backend follows.
import type { ConnectionInfo } from '#drivers/volume/port.ts';
import type { Connector } from '#drivers/volume/port.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { KeptConnection } from '#volume/attachments/view.ts';
import { findAttachmentRow, listExported, updateAttachment } from '#volume/attachments/store.ts';
import { AttachmentNotFound } from '#volume/errors.ts';
import type { VolumeServiceRpc } from '#volume/rpc.ts';
import { hostIn } from '#volume/volumes/host-name.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import type { BackendDeps } from './deps.ts';
import { listReadByOthers } from './migration-store.ts';

type ConnectArgs = Parameters<VolumeServiceRpc['connect']>[0];
type DisconnectArgs = Parameters<VolumeServiceRpc['disconnect']>[0];

/** @throws AttachmentNotFound when it was ended meanwhile; then nothing is exported */
export async function connect(deps: BackendDeps, args: ConnectArgs): Promise<ConnectionInfo> {
  const { volume_id, attachment_id, connector, mode } = args;
  return deps.connectionLock.run('connections', async () => {
    const before = await findAttachmentRow(deps.db.kysely, attachment_id);
    if (!before || before.connector_json === null) throw new AttachmentNotFound(attachment_id);
    const volume = await findVolumeRow(deps.db.kysely, volume_id);
    const info = await deps.driver.connect(volume_id, { attachmentId: attachment_id, connector, mode });
    const kept: KeptConnection = { ...info, encrypted: volume?.encrypted === 1 };
    const told = await updateAttachment(deps.db.kysely, attachment_id, {
      connection_json: JSON.stringify(kept),
      updated_at: isoTime(deps.clock),
    });
    if (told) return info;
    await deps.driver.disconnect(volume_id, attachment_id);
    throw new AttachmentNotFound(attachment_id);
  });
}

/** Nothing when it was connected anew meanwhile. */
export async function disconnect(
  deps: BackendDeps,
  { volume_id, attachment_id }: DisconnectArgs,
): Promise<void> {
  await deps.connectionLock.run('connections', async () => {
    const now = await findAttachmentRow(deps.db.kysely, attachment_id);
    if (now && now.connector_json !== null) return;
    await deps.driver.disconnect(volume_id, attachment_id);
  });
}

/** Makes the backend's exports what the attachments and the migrations under way say, all of them. */
export async function restoreConnections(deps: BackendDeps): Promise<void> {
  await deps.connectionLock.run('connections', async () => {
    const exported = await listExported(deps.db.kysely, deps.host);
    const migrating = await listReadByOthers(deps.db.kysely, deps.host);
    await deps.driver.restoreConnections([
      ...exported.map(({ id, volume_id, mode, connector_json }) => ({
        volumeId: volume_id,
        attachmentId: id,
        connector: JSON.parse(connector_json) as Connector,
        mode,
      })),
      ...migrating.map(({ operation_id, volume_id, reader }) => ({
        volumeId: volume_id,
        attachmentId: operation_id,
        connector: { host: hostIn(reader) },
        mode: 'ro' as const,
      })),
    ]);
  });
}
