// Makes a volume reachable for a host: the connector is written first, then the backend exports it and answers how to reach it.
import { rpcClient } from '#platform/bus/bus.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { ConnectionInfo, Connector } from '#drivers/volume/port.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound, InvalidInput, InvalidVolume } from '#volume/errors.ts';
import { volumeQueue, VOLUME_CHANGED, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { AttachmentRow, VolumeRow } from '#volume/tables.ts';
import { backendOf } from '#volume/volumes/host-name.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import { endExport } from './reserve.ts';
import { findAttachmentRow, updateAttachment } from './store.ts';

export interface GivenConnector {
  readonly host?: string;
  readonly ip?: string | null;
  readonly initiator?: string | null;
  readonly os_type?: string | null;
  readonly platform?: string | null;
  readonly mountpoint?: string | null;
  readonly mode?: 'rw' | 'ro' | null;
}

/** Exports take long only on a backend that is in trouble; the client of the API waits meanwhile. */
const CONNECT_MS = 30_000;

/** @throws InvalidVolume, AttachmentNotFound, or what the backend says; then nothing is exported */
export async function connectAttachment(
  deps: VolumeDeps,
  attachmentId: string,
  given: GivenConnector,
): Promise<{ readonly attachment: AttachmentRow; readonly connection: ConnectionInfo }> {
  const connector = connectorOf(given);
  const { before, volume } = await writeConnector(deps, attachmentId, connector);
  const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(backendOf(volume)));
  try {
    const connection = await backend.call(
      'connect',
      { volume_id: volume.id, attachment_id: attachmentId, connector, mode: before.mode },
      { deadlineMs: CONNECT_MS },
    );
    const attachment = await findAttachmentRow(deps.db.kysely, attachmentId);
    if (!attachment) throw new AttachmentNotFound(attachmentId);
    await deps.bus.publish(VOLUME_CHANGED, { resource: 'attachment', id: attachmentId });
    return { attachment, connection };
  } catch (error) {
    if (before.connector_json === null) await takeBack(deps, before);
    throw error;
  }
}

function connectorOf(given: GivenConnector): Connector {
  if (given.host === undefined) throw new InvalidInput('Invalid input received: a connector names its host.');
  const kept = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept) as unknown as Connector;
}

async function writeConnector(
  deps: VolumeDeps,
  id: string,
  connector: Connector,
): Promise<{ before: AttachmentRow; volume: VolumeRow }> {
  return deps.db.transaction(async (trx) => {
    const before = await findAttachmentRow(trx, id);
    const volume = before && (await findVolumeRow(trx, before.volume_id));
    if (!before || !volume) throw new AttachmentNotFound(id);
    if (before.mode === 'ro' && connector.mode === 'rw')
      throw new InvalidVolume(`attachment ${id} is for reading only.`, 'invalid-attach-mode');
    if (before.connector_json !== null && before.attached_host !== connector.host)
      throw new InvalidVolume(`attachment ${id} is connected to another host: delete it and make a new one.`);
    await updateAttachment(trx, id, {
      status: before.status === 'reserved' ? 'attaching' : before.status,
      connector_json: JSON.stringify(connector),
      attached_host: connector.host,
      ...(connector.mountpoint ? { mountpoint: connector.mountpoint } : {}),
      updated_at: isoTime(deps.clock),
    });
    return { before, volume };
  });
}

async function takeBack(deps: VolumeDeps, before: AttachmentRow): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const now = await findAttachmentRow(trx, before.id);
    if (!now) return;
    await updateAttachment(trx, before.id, {
      status: before.status,
      connector_json: null,
      connection_json: null,
      attached_host: before.attached_host,
      mountpoint: before.mountpoint,
      updated_at: isoTime(deps.clock),
    });
    await endExport(trx, deps, before);
  });
}
