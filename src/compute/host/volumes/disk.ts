// From how a volume is reached to the disk that the hypervisor gives a guest. Pure.
import type { GuestDisk } from '#drivers/libvirt/port.ts';
import { busOf, serialOf, targetOf } from '../../block-devices/names.ts';
import type { BlockDeviceRow } from '../../tables.ts';
import { HostError } from '../errors.ts';
import { readConnection, sourceOf } from './connection.ts';
import { secretIdOf } from './secrets.ts';

/** @throws HostError for a volume that is not connected */
export function volumeDisk(device: BlockDeviceRow, imageBus: string | undefined): GuestDisk {
  if (device.connection_json === null || device.volume_id === null)
    throw new HostError(
      'conflict',
      'not-connected',
      `Volume ${device.volume_id ?? 'that is to be made'} is not connected to this host.`,
      { retriable: true },
    );
  const connection = readConnection(device.connection_json);
  const source = sourceOf(connection);
  const secretId = secretIdOf(device);
  return {
    source,
    ...(secretId === undefined ? {} : { encryption: { secretId } }),
    device: device.device_type,
    bus: busOf(device.disk_bus ?? imageBus),
    target: targetOf(device.device_name),
    serial: serialOf(device.volume_id),
    ...(source.kind === 'file' ? {} : { cache: 'none' as const }),
    ...(connection['discard'] === true ? { discard: true } : {}),
    ...(device.boot_index >= 0 ? { bootIndex: device.boot_index + 1 } : {}),
    ...(connection['access_mode'] === 'ro' || device.device_type === 'cdrom' ? { readonly: true } : {}),
    ...(device.multiattach === 1 ? { shareable: true } : {}),
  };
}
