// Makes a server's volumes reachable from this host: the attachment is told who connects, and answers how. Idempotent, and
// done anew whenever a guest is made: the storage may have moved since.
import type { VolumeAttachment } from '#platform/clients/volume.ts';
import type { InstanceEntry } from '../../rpc.ts';
import type { BlockDeviceRow } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { HostError } from '../errors.ts';
import { readConnection, sourceOf } from './connection.ts';

export interface VolumeTokens {
  /** The user's, or a service's own. */
  readonly token: string;
  readonly serviceToken: string;
}

/** Once the token of a user is not at hand: the host's own, which may act for any project. */
export async function ownTokens(deps: Pick<HostDeps, 'serviceToken'>): Promise<VolumeTokens> {
  const token = await deps.serviceToken();
  return { token, serviceToken: token };
}

/** Who connects, as `connector` of the attachments API. */
export function connectorOf(
  { config }: Pick<HostDeps, 'config'>,
  device: Pick<BlockDeviceRow, 'device_name'>,
): Record<string, unknown> {
  return {
    host: config.host,
    ip: config.hostIp,
    os_type: 'linux',
    platform: 'x86_64',
    mountpoint: device.device_name,
    multipath: false,
  };
}

/** Connects the volume; the row says what was learned. @returns the device with its connection */
export async function connectVolume(
  deps: HostDeps,
  device: BlockDeviceRow,
  { token, serviceToken }: VolumeTokens,
): Promise<BlockDeviceRow> {
  const attachment = await reservation(deps, device, { token, serviceToken });
  const connected = await deps.volume.updateAttachment(
    token,
    attachment.id,
    connectorOf(deps, device),
    serviceToken,
  );
  const connection_json = JSON.stringify(connected.connection_info);
  await defineSecretOf(deps, connection_json);
  const learned = { attachment_id: attachment.id, connection_json };
  if (device.attachment_id !== learned.attachment_id || device.connection_json !== connection_json)
    await deps.conductor.call('writeDevice', { device_id: device.id, changes: learned });
  return { ...device, ...learned };
}

/** The one that the request made, or a new one: an earlier host has given it back, or an operator has ended it. */
async function reservation(
  deps: HostDeps,
  device: BlockDeviceRow,
  { token, serviceToken }: VolumeTokens,
): Promise<Pick<VolumeAttachment, 'id'>> {
  const { volume_id, instance_id } = device;
  if (volume_id === null)
    throw new HostError('conflict', 'no-volume', 'The volume of a disk is not made yet.', {
      retriable: true,
    });
  const known =
    device.attachment_id === null
      ? undefined
      : await deps.volume.findAttachment(token, device.attachment_id, serviceToken);
  if (known) return known;
  const left = await deps.volume.listAttachments(serviceToken, {
    volume_id,
    instance_id,
    all_tenants: '1',
  });
  return (
    left[0] ??
    deps.volume.createAttachment(token, { volume_uuid: volume_id, instance_uuid: instance_id }, serviceToken)
  );
}

/** libvirt forgets a key when it restarts: it is told before each use. */
async function defineSecretOf(deps: HostDeps, connectionJson: string): Promise<void> {
  const source = sourceOf(readConnection(connectionJson));
  if (source.kind !== 'rbd' || !deps.storageSecret) return;
  const secret = await deps.storageSecret(source.secretId);
  if (secret) await deps.hypervisor.defineSecret(secret);
}

/**
 * Connects a volume here that the server has elsewhere and goes on having there: its attachment in the row stays, and there is
 * a second one. @returns the device as it is seen from here; nothing is written to its row
 */
export async function connectBeside(
  deps: HostDeps,
  device: BlockDeviceRow,
  { token, serviceToken }: VolumeTokens,
): Promise<BlockDeviceRow> {
  const attachment =
    (await otherAttachments(deps, device))[0] ??
    (await deps.volume.createAttachment(
      token,
      { volume_uuid: device.volume_id ?? '', instance_uuid: device.instance_id },
      serviceToken,
    ));
  const connector = connectorOf(deps, device);
  const connected = await deps.volume.updateAttachment(token, attachment.id, connector, serviceToken);
  const connection_json = JSON.stringify(connected.connection_info);
  await defineSecretOf(deps, connection_json);
  return { ...device, attachment_id: attachment.id, connection_json };
}

/** Ends every attachment that the server has of the volume beside the one in the device's row. May be repeated. */
export async function endOtherAttachments(deps: HostDeps, device: BlockDeviceRow): Promise<string[]> {
  const others = await otherAttachments(deps, device);
  const token = await deps.serviceToken();
  for (const { id } of others) await deps.volume.deleteAttachment(token, id);
  return others.map(({ id }) => id);
}

async function otherAttachments(
  deps: Pick<HostDeps, 'volume' | 'serviceToken'>,
  { volume_id, instance_id, attachment_id }: BlockDeviceRow,
): Promise<VolumeAttachment[]> {
  const held = await deps.volume.listAttachments(await deps.serviceToken(), {
    volume_id: volume_id ?? '',
    instance_id,
    all_tenants: '1',
  });
  return held.filter(({ id }) => id !== attachment_id);
}

/** All volumes of the entry, with the host's own token. @returns all its disks */
export async function connectVolumes(deps: HostDeps, entry: InstanceEntry): Promise<BlockDeviceRow[]> {
  if (!entry.devices.some((device) => device.destination_type === 'volume')) return [...entry.devices];
  const tokens = await ownTokens(deps);
  return Promise.all(
    entry.devices.map(async (device) =>
      device.destination_type === 'volume' ? connectVolume(deps, device, tokens) : device,
    ),
  );
}

/** The guest has them: the volumes are in use. */
export async function completeVolumes(deps: HostDeps, devices: readonly BlockDeviceRow[]): Promise<void> {
  const attached = devices.flatMap((device) =>
    device.destination_type === 'volume' && device.attachment_id !== null ? [device.attachment_id] : [],
  );
  if (attached.length === 0) return;
  const { token, serviceToken } = await ownTokens(deps);
  await Promise.all(attached.map(async (id) => deps.volume.completeAttachment(token, id, serviceToken)));
}
