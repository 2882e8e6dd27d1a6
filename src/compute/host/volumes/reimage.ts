// Has the volume service write an image over a server's volume, which nobody may have connected meanwhile: the attachment
// gives way to a reservation, so that nobody else gets the volume either. May be repeated. Called by rebuilds.
import type { BlockDeviceRow } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { HostError } from '../errors.ts';
import { waitForVolume } from './wait.ts';

export interface Reimage {
  readonly imageId: string;
  /** The user's, by whose rights the image is read. */
  readonly token: string;
  readonly signal: AbortSignal;
}

/** The guest is gone. @returns the device with its reservation. @throws HostError when the volume is in error after it */
export async function reimageDevice(
  deps: HostDeps,
  device: BlockDeviceRow,
  { imageId, token, signal }: Reimage,
): Promise<{ readonly device: BlockDeviceRow; readonly bytesCopied: number | null }> {
  const volumeId = device.volume_id ?? '';
  const settled = async () =>
    waitForVolume(deps, volumeId, { signal, holds: (volume) => volume?.status !== 'downloading' });
  await settled(); // an earlier run may have begun it
  const reserved = await reserveAgain(deps, device, token);
  await deps.volume.reimageVolume(token, volumeId, imageId, await deps.serviceToken());
  const volume = await settled();
  const record = await deps.volume
    .getLaunchRecord(await deps.serviceToken(), volumeId)
    .catch(() => undefined); // shown only
  if (!volume || volume.status.startsWith('error'))
    throw new HostError(
      'unavailable',
      'volume-error',
      `The image could not be written over volume ${volumeId}: ${record?.fault ?? volume?.status ?? 'it is gone'}.`,
      { retriable: false },
    );
  return { device: reserved, bytesCopied: record?.bytes_copied ?? null };
}

/** Ends the connection. The reservation is made before the attachment ends: the volume is the server's all along. */
export async function reserveAgain(
  deps: HostDeps,
  device: BlockDeviceRow,
  token: string,
): Promise<BlockDeviceRow> {
  const service = await deps.serviceToken();
  const [volume_id, instance_id] = [device.volume_id ?? '', device.instance_id];
  const held = await deps.volume.listAttachments(service, { volume_id, instance_id, all_tenants: '1' });
  const reservation =
    held.find((each) => each.status === 'reserved') ??
    (await deps.volume.createAttachment(
      token,
      { volume_uuid: volume_id, instance_uuid: instance_id },
      service,
    ));
  const changes = { attachment_id: reservation.id, connection_json: null };
  await deps.conductor.call('writeDevice', { device_id: device.id, changes });
  for (const { id } of held) if (id !== reservation.id) await deps.volume.deleteAttachment(service, id);
  return { ...device, ...changes };
}
