// From the instance entry, its interfaces and its disks to the guest that the hypervisor makes. Pure.
import type { DiskSource, GuestDisk, GuestSpec } from '#drivers/libvirt/port.ts';
import { busOf, freeName, targetOf } from '../block-devices/names.ts';
import type { InstanceEntry } from '../rpc.ts';
import type { Rescue } from '../system-metadata.ts';
import type { BlockDeviceRow, FlavorSnapshot, Vif } from '../tables.ts';
import type { HostConfig } from './config.ts';
import { ImageUnusable } from './errors.ts';
import { localDisks } from './local-disks.ts';
import { instancePaths } from './paths.ts';
import { volumeDisk } from './volumes/disk.ts';

export interface BootFiles {
  /** Set when the image names a kernel (`kernel_id`). */
  readonly kernelPath?: string;
  readonly initrdPath?: string;
}

export interface GuestParts {
  readonly entry: InstanceEntry;
  /** With their connections: newer than the entry's. */
  readonly devices: readonly BlockDeviceRow[];
  readonly vifs: readonly Vif[];
  readonly boot: BootFiles;
  /** Where the root disk is, unless it is a volume. */
  readonly rootDisk: DiskSource;
  /** Booted from instead, while the server is rescued. */
  readonly rescue?: Rescue & { readonly source: DiskSource };
  readonly configDrive: boolean;
  /** What the switch can do, see `HostSwitch.offloads`. */
  readonly offloads: boolean;
}

/** The root disk is a volume: the host has no disk of it. */
export const bootsFromVolume = ({ devices }: Pick<InstanceEntry, 'devices'>): boolean =>
  devices.some((device) => device.boot_index === 0 && device.destination_type === 'volume');

export function guestSpec(
  config: HostConfig,
  { entry, devices, vifs, boot, rootDisk, rescue, configDrive, offloads }: GuestParts,
): GuestSpec {
  const flavor = JSON.parse(entry.flavor_json) as FlavorSnapshot;
  const image = JSON.parse(entry.image_json) as Record<string, string>;
  const paths = instancePaths(config, entry.id);
  const bus = busOf(image['hw_disk_bus']);
  const volumes = devices.filter((device) => device.destination_type === 'volume');
  const own = [
    ...(bootsFromVolume(entry) ? [] : [rootDiskOf(rootDisk, bus, entry.id)]),
    ...localDisks(config, devices, image['hw_disk_bus']),
    ...volumes.map((device) => volumeDisk(device, image['hw_disk_bus'])),
  ];
  const disks = rescue ? rescuedDisks(rescue, own) : own;
  const booted = disks.find((disk) => disk.bootIndex === 1) ?? { bus, target: 'vda' };
  return {
    id: entry.id,
    name: `instance-${entry.id.slice(0, 8)}`,
    vcpus: flavor.vcpus,
    memoryMb: flavor.ram,
    arch: 'x86_64',
    machine: machineOf(entry, image['hw_machine_type']) ?? config.machine,
    accel: config.accel,
    cpuMode: config.accel === 'kvm' ? 'host-passthrough' : 'default',
    disks: [...disks, ...(configDrive ? [configDisk(rescue ? paths.rescueDrive : paths.configDrive)] : [])],
    interfaces: vifs.map((vif) => ({ mac: vif.mac, mtu: vif.mtu, tapName: vif.devname, offloads })),
    ...(boot.kernelPath
      ? {
          kernel: {
            kernelPath: boot.kernelPath,
            ...(boot.initrdPath ? { initrdPath: boot.initrdPath } : {}),
            commandLine:
              commandLineOf(entry, image['os_command_line']) ??
              `root=/dev/${booted.bus === 'ide' ? 'sda' : booted.target} console=ttyS0`,
          },
        }
      : {}),
    consoleLogPath: paths.consoleLog,
    serialSocketPath: paths.serialSocket,
    vncSocketPath: paths.vncSocket,
    randomDevice: true,
    metadata: {
      displayName: entry.name,
      projectId: entry.project_id,
      userId: entry.user_id,
      flavorName: flavor.name,
      ...(entry.image_id ? { imageId: entry.image_id } : {}),
    },
  };
}

/** x86-64's general machines, with or without a version. Others have no place for what a guest is given. */
const MACHINE = /^(pc|q35|pc-i440fx|pc-q35)(-[a-z0-9.-]{1,32})?$/;
const COMMAND_LINE_MAX = 2048; // what Linux on x86-64 reads

/** Image properties are their owner's words: what is not understood is refused, never passed on. */
function machineOf(entry: InstanceEntry, wanted: string | undefined): string | undefined {
  if (wanted === undefined || MACHINE.test(wanted)) return wanted;
  throw new ImageUnusable(
    entry.image_id ?? '',
    `its property hw_machine_type is ${JSON.stringify(wanted.slice(0, 64))}; pc and q35, with or without a version, are known`,
  );
}

function commandLineOf(entry: InstanceEntry, wanted: string | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  if (wanted.length <= COMMAND_LINE_MAX && /^[\x20-\x7e]*$/.test(wanted)) return wanted;
  throw new ImageUnusable(
    entry.image_id ?? '',
    `its property os_command_line is not plain text of ${COMMAND_LINE_MAX} characters at most`,
  );
}

function rootDiskOf(source: DiskSource, bus: GuestDisk['bus'], serial: string): GuestDisk {
  const target = bus === 'virtio' ? 'vda' : bus === 'ide' ? 'hda' : 'sda';
  return {
    source,
    device: 'disk',
    bus,
    target,
    serial: serial.slice(0, 20),
    bootIndex: 1,
    ...(source.kind === 'rbd' ? { discard: true } : {}),
  };
}

/**
 * The disks of a rescued guest, which boots the rescue disk. Stable: its own keep their names and the rescue disk comes last.
 * Else the rescue disk is the first and the root disk the second of two.
 */
function rescuedDisks(rescue: NonNullable<GuestParts['rescue']>, own: readonly GuestDisk[]): GuestDisk[] {
  const taken = rescue.stable ? own.map((disk) => `/dev/${disk.target}`) : [];
  const disk: GuestDisk = {
    source: rescue.source,
    device: rescue.device,
    bus: rescue.bus,
    target: targetOf(freeName(rescue.bus, new Set(taken))),
    bootIndex: 1,
    ...(rescue.device === 'cdrom' ? { readonly: true } : { serial: 'rescue' }),
    ...(rescue.source.kind === 'rbd' ? { discard: true } : {}),
  };
  if (rescue.stable)
    return [
      ...own.map((each) =>
        each.bootIndex === undefined ? each : { ...each, bootIndex: each.bootIndex + 1 },
      ),
      disk,
    ];
  return [
    disk,
    ...own
      .filter((each) => each.bootIndex === 1)
      .map(({ bootIndex: _bootIndex, ...root }) => ({
        ...root,
        target: targetOf(freeName(root.bus, new Set([`/dev/${disk.target}`]))),
      })),
  ];
}

/** A virtio disk: an IDE drive costs the guest half a second of probing. Its label, `config-2`, is how guests find it. */
function configDisk(path: string): GuestDisk {
  return {
    source: { kind: 'file', path, format: 'raw' },
    device: 'disk',
    bus: 'virtio',
    target: 'vdz',
    serial: 'config-2',
    readonly: true,
  };
}
