// What opens a server's encrypted volumes, lent to the hypervisor while it opens their disks and no longer. QEMU then has it in
// its own memory; nothing of it is written on this host. Called wherever a guest gets disks.
import type { BlockDeviceRow } from '../../tables.ts';
import type { HostDeps } from '../deps.ts';
import { readConnection } from './connection.ts';

/** The hypervisor's name for what opens the device's volume; undefined for one that is not encrypted. */
export function secretIdOf({ attachment_id, connection_json }: BlockDeviceRow): string | undefined {
  if (attachment_id === null || connection_json === null) return undefined;
  const { encrypted } = readConnection(connection_json);
  return encrypted === true ? attachment_id : undefined;
}

export const secretIdsOf = (devices: readonly BlockDeviceRow[]): string[] =>
  devices.flatMap((device) => secretIdOf(device) ?? []);

/** Runs `use`, which has the hypervisor open these disks: they are connected. */
export async function withVolumeSecrets<T>(
  deps: HostDeps,
  devices: readonly BlockDeviceRow[],
  use: () => Promise<T>,
): Promise<T> {
  const lent = await lendVolumeSecrets(deps, devices);
  try {
    return await use();
  } finally {
    await takeBackSecrets(deps, lent);
  }
}

/** Where `use` is elsewhere: take them back with what this returns. May be repeated. */
export async function lendVolumeSecrets(
  deps: HostDeps,
  devices: readonly BlockDeviceRow[],
): Promise<string[]> {
  const ids = secretIdsOf(devices);
  try {
    for (const id of ids) {
      const { passphrase } = await deps.volume.getEncryptionSecret(await deps.serviceToken(), id);
      const value = Buffer.from(passphrase, 'latin1');
      await deps.hypervisor.defineSecret({ id, purpose: 'volume', usage: `attachment/${id}`, value });
    }
  } catch (error) {
    await takeBackSecrets(deps, ids);
    throw error;
  }
  return ids;
}

/** One that stays where the hypervisor does not answer is gone when it restarts. */
export async function takeBackSecrets(deps: HostDeps, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await deps.hypervisor.removeSecret(id).catch((error: unknown) => {
      deps.log.warn({ err: error, attachment_id: id }, 'what opens a volume stays with the hypervisor');
    });
}
