// Disks of a server that lie on its host beside the root disk: ephemeral disks, formatted, and swap.
import { open, stat } from 'node:fs/promises';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { GuestDisk } from '#drivers/libvirt/port.ts';
import { busOf, targetOf } from '../block-devices/names.ts';
import type { BlockDeviceRow } from '../tables.ts';
import type { HostConfig } from './config.ts';
import { instancePaths } from './paths.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const FORMAT_DEADLINE_MS = 60_000;

const isLocal = (device: BlockDeviceRow): boolean =>
  device.destination_type === 'local' && device.source_type === 'blank';

const isSwap = (device: BlockDeviceRow): boolean => device.guest_format === 'swap';

/** `disk.swap`, `disk.eph.vdb`: the name on the guest's bus keeps two of a kind apart. */
const pathOf = (config: HostConfig, device: BlockDeviceRow): string =>
  `${instancePaths(config, device.instance_id).disk}.${isSwap(device) ? 'swap' : `eph.${targetOf(device.device_name)}`}`;

/** Makes those that are not there yet; all of them when `anew`. */
export async function makeLocalDisks(
  config: HostConfig,
  devices: readonly BlockDeviceRow[],
  { anew }: { readonly anew: boolean },
): Promise<void> {
  for (const [index, device] of devices.filter(isLocal).entries()) {
    const path = pathOf(config, device);
    const size = (device.volume_size ?? 0) * (isSwap(device) ? MIB : GIB);
    if (!anew && (await stat(path).catch(() => undefined))?.size === size) continue;
    await makeSparse(path, size);
    if (isSwap(device)) await writeSwapHeader(path, size);
    // A model's guest reads nothing of it.
    else if (!config.simulated)
      await makeFileSystem(path, device.guest_format ?? 'ext4', `ephemeral${index}`);
  }
}

async function makeSparse(path: string, size: number): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  await file.truncate(size);
}

const PAGE = 4096;

/** The header that mkswap writes: version 1, the last page, and the mark at the end of the first page. */
async function writeSwapHeader(path: string, size: number): Promise<void> {
  const header = Buffer.alloc(PAGE);
  header.writeUInt32LE(1, 1024);
  header.writeUInt32LE(Math.floor(size / PAGE) - 1, 1028);
  crypto.getRandomValues(header.subarray(1036, 1052)); // its UUID
  header.write('SWAPSPACE2', PAGE - 10, 'latin1');
  await using file = await open(path, 'r+');
  await file.write(header, 0, PAGE, 0);
}

async function makeFileSystem(path: string, format: string, label: string): Promise<void> {
  await runCommand([`mkfs.${format}`, '-q', '-F', '-L', label, path], { deadlineMs: FORMAT_DEADLINE_MS });
}

export function localDisks(
  config: HostConfig,
  devices: readonly BlockDeviceRow[],
  imageBus: string | undefined,
): GuestDisk[] {
  return devices.filter(isLocal).map((device) => ({
    source: { kind: 'file', path: pathOf(config, device), format: 'raw' },
    device: 'disk',
    bus: busOf(device.disk_bus ?? imageBus),
    target: targetOf(device.device_name),
  }));
}
