// From how a volume is reached to the disk that the hypervisor gives a guest. Pure.
import type { ConnectionInfo } from '#drivers/volume/port.ts';
import type { DiskSource, GuestDisk } from '#drivers/libvirt/port.ts';
import { busOf, serialOf, targetOf } from '../../block-devices/names.ts';
import type { BlockDeviceRow } from '../../tables.ts';
import { HostError } from '../errors.ts';
import { secretIdOf } from './secrets.ts';

/** How long a guest's requests wait for storage that is away: as long as a storage daemon may take to come back. */
const RECONNECT_MS = 60_000;

/** As the attachments API tells it: `driver_volume_type` beside the data. */
export type FlatConnection = Readonly<Record<string, unknown>>;

type Data<T extends ConnectionInfo['driver_volume_type']> = Extract<
  ConnectionInfo,
  { driver_volume_type: T }
>['data'];

/** @throws HostError for storage that this host's hypervisor does not know */
export function sourceOf(connection: FlatConnection): DiskSource {
  const type = connection['driver_volume_type'];
  if (type === 'nbd') {
    const data = connection as unknown as Data<'nbd'>;
    const place =
      data.socket_path === undefined
        ? { host: data.host ?? '', port: data.port ?? 0 }
        : { socketPath: data.socket_path };
    return { kind: 'nbd', exportName: data.export_name, reconnectMs: RECONNECT_MS, ...place };
  }
  if (type === 'rbd') {
    const data = connection as unknown as Data<'rbd'>;
    const [pool = '', image = ''] = data.name.split('/');
    const monitors = data.hosts.map((host, index) => ({ host, port: Number(data.ports[index]) }));
    return {
      kind: 'rbd',
      pool,
      image,
      monitors,
      user: data.auth_username,
      secretId: data.secret_uuid,
    };
  }
  // The model of a hypervisor opens nothing: a name is enough.
  if (type === 'simulated')
    return {
      kind: 'file',
      path: `/simulated/volumes/${String(connection['volume_id'])}`,
      format: 'raw',
    };
  throw new HostError(
    'not-supported',
    'unknown-storage',
    `This host can not reach volumes by ${JSON.stringify(type ?? null)}.`,
    { retriable: true },
  );
}

/** @throws HostError for a volume that is not connected */
export function volumeDisk(device: BlockDeviceRow, imageBus: string | undefined): GuestDisk {
  if (device.connection_json === null || device.volume_id === null)
    throw new HostError(
      'conflict',
      'not-connected',
      `Volume ${device.volume_id ?? 'that is to be made'} is not connected to this host.`,
      { retriable: true },
    );
  const connection = JSON.parse(device.connection_json) as FlatConnection;
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

const SECRET = /secret|password|key|token|auth_username/i;

/** What may stand in a record: where the volume is, never by which secret. */
export function maskedConnection(connection: FlatConnection): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(connection).map(([name, value]) => [name, SECRET.test(name) ? '***' : value]),
  );
}
