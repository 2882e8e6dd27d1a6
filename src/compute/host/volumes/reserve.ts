// Keeps the volumes of a server that leaves its host: reserved for it, connected to nothing. May be repeated.
import type { BlockDeviceRow } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { reserveAgain } from './reimage.ts';

/** With the host's own token. @returns the disks that are volumes */
export async function reserveVolumesAgain(
  deps: HostDeps,
  devices: readonly BlockDeviceRow[],
): Promise<BlockDeviceRow[]> {
  const token = await deps.serviceToken();
  const volumes = devices.filter(
    (device) => device.destination_type === 'volume' && device.volume_id !== null,
  );
  return Promise.all(volumes.map(async (device) => reserveAgain(deps, device, token)));
}
