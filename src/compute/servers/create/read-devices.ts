// From the device mappings of a request, of either form, to plain values, with the rules that need nobody else. Pure.
import { DISK_BUSES } from '#compute/block-devices/names.ts';
import { InvalidInput } from '#compute/errors.ts';
import { isTrue } from '#compute/schema-types.ts';
import type { BlockDeviceRow } from '#compute/tables.ts';

/** An entry of `block_device_mapping_v2`. */
export interface DeviceMapping {
  readonly uuid?: string | null;
  readonly source_type?: string;
  readonly destination_type?: string;
  readonly boot_index?: number | string | null;
  readonly volume_size?: number | string | null;
  readonly volume_type?: string | null;
  readonly volume_id?: string;
  readonly snapshot_id?: string;
  readonly image_id?: string;
  readonly guest_format?: string | null;
  readonly device_name?: string | null;
  readonly device_type?: string | null;
  readonly disk_bus?: string | null;
  readonly delete_on_termination?: boolean | string;
  readonly no_device?: unknown;
  readonly tag?: string;
}

/** An entry of the older `block_device_mapping`. */
export interface LegacyMapping {
  readonly device_name?: string | null;
  readonly volume_id?: string | null;
  readonly snapshot_id?: string | null;
  readonly volume_size?: number | string | null;
  readonly delete_on_termination?: boolean | string;
  readonly virtual_name?: string | null;
  readonly no_device?: unknown;
}

export interface WantedDevice {
  readonly source: BlockDeviceRow['source_type'];
  readonly destination: BlockDeviceRow['destination_type'];
  /** Of the volume, snapshot or image; null for a blank one. */
  readonly id: string | null;
  /** GiB; MiB of a swap disk. Null: the source says it. */
  readonly size: number | null;
  /** -1: not booted from. */
  readonly bootIndex: number;
  readonly deleteOnTermination: boolean;
  readonly deviceName: string | null;
  readonly tag: string | null;
  readonly volumeType: string | null;
  readonly diskBus: string | null;
  readonly deviceType: BlockDeviceRow['device_type'];
  readonly guestFormat: string | null;
}

export interface WantedDisks {
  /** Image of a root disk on the host; null when the root disk is one of `devices`. */
  readonly imageId: string | null;
  readonly devices: readonly WantedDevice[];
}

const FORMATS: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4']);

function invalid(why: string): InvalidInput {
  return new InvalidInput(`Block Device Mapping is Invalid: ${why}`, 'invalid-device-mapping');
}

/** @throws InvalidInput */
export function readMappings(
  mappings: readonly DeviceMapping[] | undefined,
  legacy: readonly LegacyMapping[] | undefined,
  hasImage: boolean,
): WantedDevice[] {
  if ((mappings?.length ?? 0) > 0 && (legacy?.length ?? 0) > 0)
    throw new InvalidInput(
      'block_device_mapping and block_device_mapping_v2 are two forms of the same: use one of them.',
    );
  if (mappings && mappings.length > 0)
    return mappings.filter((each) => !isGiven(each.no_device)).map(readMapping);
  const old = (legacy ?? []).filter((each) => !isGiven(each.no_device));
  return old.map((each, index) => readLegacy(each, !hasImage && index === 0 ? 0 : -1));
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && isTrue(value);

/** @throws InvalidInput */
export function readMapping(mapping: DeviceMapping): WantedDevice {
  const source = mapping.source_type as WantedDevice['source'] | undefined;
  if (source === undefined) throw invalid('source_type is missing.');
  const destination =
    (mapping.destination_type as WantedDevice['destination'] | undefined) ??
    (source === 'volume' || source === 'snapshot' ? 'volume' : 'local');
  const id = mapping.uuid ?? mapping[`${source as 'volume'}_id`] ?? null;
  if (source === 'blank' && id !== null) throw invalid('a blank device has no uuid.');
  if (source !== 'blank' && id === null) throw invalid(`the uuid of the ${source} is missing.`);
  const bootIndex = readBootIndex(mapping.boot_index);
  const size = readSize(mapping.volume_size);
  checkKind(source, destination, bootIndex, size, mapping);
  return {
    source,
    destination,
    id,
    size,
    bootIndex,
    deleteOnTermination:
      mapping.delete_on_termination === undefined
        ? destination === 'local'
        : isTrue(mapping.delete_on_termination),
    deviceName: mapping.device_name ? mapping.device_name : null,
    tag: mapping.tag ?? null,
    volumeType: mapping.volume_type ?? null,
    diskBus: readBus(mapping.disk_bus),
    deviceType: readType(mapping.device_type),
    guestFormat: mapping.guest_format ? mapping.guest_format : null,
  };
}

function checkKind(
  source: WantedDevice['source'],
  destination: WantedDevice['destination'],
  bootIndex: number,
  size: number | null,
  { guest_format, volume_type }: DeviceMapping,
): void {
  if (destination === 'local' && (source === 'volume' || source === 'snapshot'))
    throw invalid(`a ${source} can not be a disk on the host: its destination_type is volume.`);
  if (destination === 'local' && source === 'image' && bootIndex !== 0)
    throw invalid('an image makes a disk on the host only as the root disk, with boot_index 0.');
  if (destination === 'local' && volume_type) throw invalid('a disk on the host has no volume_type.');
  if (destination === 'volume' && source === 'blank' && !size)
    throw invalid('a blank volume (source blank, destination volume) needs a size above 0.');
  if (destination === 'volume' && source === 'image' && !size)
    throw invalid('a volume that is made from an image needs a size above 0.');
  if (guest_format && guest_format !== 'swap' && !FORMATS.has(guest_format))
    throw invalid(`guest_format ${guest_format} is not known here: ext2, ext3, ext4 and swap are.`);
  if (guest_format === 'swap' && (destination !== 'local' || source !== 'blank'))
    throw invalid('only a blank device on the host can be swap.');
}

function readLegacy(mapping: LegacyMapping, bootIndex: number): WantedDevice {
  const common = {
    volume_size: mapping.volume_size ?? null,
    device_name: mapping.device_name ?? null,
    boot_index: bootIndex,
    delete_on_termination: mapping.delete_on_termination ?? false,
  };
  if (mapping.snapshot_id)
    return readMapping({
      ...common,
      source_type: 'snapshot',
      destination_type: 'volume',
      uuid: mapping.snapshot_id,
    });
  if (mapping.volume_id)
    return readMapping({
      ...common,
      source_type: 'volume',
      destination_type: 'volume',
      uuid: mapping.volume_id,
    });
  const name = mapping.virtual_name ?? '';
  if (name === 'swap' || name.startsWith('ephemeral'))
    return readMapping({
      ...common,
      boot_index: -1,
      source_type: 'blank',
      destination_type: 'local',
      delete_on_termination: true,
      ...(name === 'swap' ? { guest_format: 'swap' } : {}),
    });
  throw invalid('a device names a volume, a snapshot, ephemeral disks or swap.');
}

function readBootIndex(value: number | string | null | undefined): number {
  const index = value === null || value === undefined ? -1 : Number(value);
  return index < 0 ? -1 : index;
}

const GIB_MAX = 2 ** 31 - 1;

function readSize(value: number | string | null | undefined): number | null {
  if (value === null || value === undefined || value === '') return null;
  const size = Number(value);
  if (!Number.isSafeInteger(size) || size > GIB_MAX) throw invalid(`volume_size ${value} is no size.`);
  return size;
}

function readBus(bus: string | null | undefined): string | null {
  if (!bus) return null;
  if ((DISK_BUSES as readonly string[]).includes(bus)) return bus;
  throw invalid(`disk_bus ${bus} is not known here: ${DISK_BUSES.join(', ')} are.`);
}

function readType(type: string | null | undefined): WantedDevice['deviceType'] {
  if (!type || type === 'disk') return 'disk';
  if (type === 'cdrom') return 'cdrom';
  throw invalid(`device_type ${type} is not known here: disk and cdrom are.`);
}

/**
 * What the root disk is, and that the order of booting has one first and no gap. A volume that is first is booted from
 * whatever image is named beside it, as upstream.
 * @throws InvalidInput
 */
export function arrangeDisks(imageRef: string | null, wanted: readonly WantedDevice[]): WantedDisks {
  const order = wanted.map((each) => each.bootIndex).filter((index) => index >= 0);
  const [root, ...others] = wanted.filter((each) => each.bootIndex === 0);
  const localRoot = root?.source === 'image' && root.destination === 'local' ? root : undefined;
  const other = imageRef !== null && localRoot !== undefined && localRoot.id !== imageRef;
  const sorted = [...new Set(root === undefined && imageRef !== null ? [0, ...order] : order)].toSorted(
    (a, b) => a - b,
  );
  const doubled = new Set(order).size < order.length || others.length > 0 || other;
  if (doubled || sorted.some((index, at) => index !== at))
    throw invalid(
      'the boot sequence of image and devices is not valid: just one has boot_index 0, and the others follow without a gap.',
    );
  if (root === undefined && imageRef === null)
    throw new InvalidInput(
      'Invalid imageRef provided: a server needs an image, or a device with boot_index 0, to boot from.',
    );
  if (root && !localRoot) return { imageId: null, devices: wanted };
  return {
    imageId: imageRef ?? localRoot?.id ?? null,
    devices: wanted.filter((each) => each !== localRoot),
  };
}
