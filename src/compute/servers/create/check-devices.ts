// Disks of a server that is to be made: what volumes, snapshots and images say of them, what the flavor allows, and their
// names. Asked before anything is recorded, with the user's own token.
import type { Call } from '#platform/http/api.ts';
import type { Image } from '#platform/clients/image.ts';
import type { Volume } from '#platform/clients/volume.ts';
import { findProblem } from '#platform/http/validate.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { busOf, freeName, wantedName, type DiskBus } from '#compute/block-devices/names.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import type { BlockDeviceRow, FlavorSnapshot } from '#compute/tables.ts';
import { imageProperties, relatedImage, requireImage, tokenOf } from './check-image.ts';
import { imageMappings } from '../schema.ts';
import { readMapping, type DeviceMapping, type WantedDevice, type WantedDisks } from './read-devices.ts';

/** What the server boots, wherever it lies. */
export interface BootSource {
  readonly properties: Readonly<Record<string, string>>;
  readonly kernelId: string | null;
  readonly ramdiskId: string | null;
}

export interface PlannedDevice extends WantedDevice {
  readonly deviceName: string;
  readonly multiattach: boolean;
}

export interface PlannedDisks {
  readonly devices: readonly PlannedDevice[];
  /** Undefined: the image of the root disk on the host says it. */
  readonly boot: BootSource | undefined;
  readonly rootDeviceName: string;
}

/** Disks that the image itself asks for: it is a snapshot of a server with volumes. The request's word counts before them. */
export function mappingsOfImage(image: Image, wanted: readonly WantedDevice[]): WantedDevice[] {
  const text = image['block_device_mapping'];
  if (typeof text !== 'string' || text === '') return [];
  const names = new Set(wanted.map((each) => each.deviceName));
  const hasRoot = wanted.some((each) => each.bootIndex === 0);
  return parseMappings(text, image.id)
    .map(({ snapshot_id, volume_id, image_id, uuid, ...mapping }) =>
      readMapping({
        ...Object.fromEntries(Object.entries(mapping).filter(([, value]) => value !== null)),
        uuid: snapshot_id ?? volume_id ?? image_id ?? uuid ?? null,
      }),
    )
    .filter((each) => !(each.deviceName !== null && names.has(each.deviceName)))
    .filter((each) => !(hasRoot && each.bootIndex === 0));
}

function parseMappings(text: string, imageId: string): DeviceMapping[] {
  try {
    const parsed = JSON.parse(text) as unknown;
    if (!findProblem(imageMappings, parsed)) return parsed as DeviceMapping[];
  } catch {
    // said below
  }
  throw new InvalidInput(`The property block_device_mapping of image ${imageId} can not be read.`);
}

export interface DiskQuestion {
  readonly disks: WantedDisks;
  readonly flavor: FlavorSnapshot;
  /** Of the root disk on the host. */
  readonly image: Image | undefined;
  readonly maxCount: number;
  readonly zone: string | null;
}

/** @throws InvalidInput */
export async function checkDevices(
  call: Call,
  deps: ComputeDeps,
  { disks, flavor, image, maxCount, zone }: DiskQuestion,
): Promise<PlannedDisks> {
  if (disks.devices.some((each) => each.destination === 'volume'))
    call.enforce('os_compute_api:servers:create:attach_volume');
  if (maxCount > 1 && disks.devices.some((each) => each.source === 'volume'))
    throw new InvalidInput('Cannot attach one or more volumes to multiple instances');
  const sources = await Promise.all(
    disks.devices.map(async (each) => checkSource(call, deps, each, { flavor, zone })),
  );
  const local = withDefaults(disks.devices, flavor);
  const root = sources.find((each) => each.device.bootIndex === 0);
  const boot = root?.boot;
  const bus = (image ? imageProperties(image) : (boot?.properties ?? {}))['hw_disk_bus'];
  const devices = [
    ...local,
    ...sources.filter((each) => !isLocalBlank(each.device)).map((each) => each.device),
  ];
  return { ...nameDevices(devices, busOf(bus), bus), boot };
}

const isLocalBlank = (device: WantedDevice): boolean =>
  device.destination === 'local' && device.source === 'blank';

type Checked = Omit<PlannedDevice, 'deviceName'> & { readonly deviceName: string | null };

interface Source {
  readonly device: Checked;
  readonly boot: BootSource | undefined;
}

type Limits = Pick<DiskQuestion, 'flavor' | 'zone'>;

async function checkSource(
  call: Call,
  deps: ComputeDeps,
  device: WantedDevice,
  limits: Limits,
): Promise<Source> {
  const plain: Checked = { ...device, multiattach: false };
  const isRoot = device.bootIndex === 0;
  const id = device.id ?? '';
  if (device.source === 'blank') {
    // A volume that is blank may be the root of a server that is then filled from a rescue; on the host it would be lost.
    if (isRoot && device.destination === 'local')
      throw new InvalidInput('A blank device on the host can not be booted from.', 'not-bootable');
    return { device: plain, boot: undefined };
  }
  if (device.source === 'image') {
    const image = await requireImage(call, deps, id);
    requireRoom(limits.flavor, isRoot, image, device.size ?? 0);
    const boot = {
      properties: imageProperties(image),
      kernelId: relatedImage(image, 'kernel_id'),
      ramdiskId: relatedImage(image, 'ramdisk_id'),
    };
    return { device: plain, boot };
  }
  if (device.source === 'snapshot') {
    const snapshot = await deps.volume.findSnapshot(tokenOf(call), id);
    if (!snapshot)
      throw new InvalidInput(
        `Block Device Mapping is Invalid: failed to get snapshot ${id}.`,
        'no-such-snapshot',
      );
    const size = device.size ?? snapshot.size;
    const volume = isRoot ? await deps.volume.findVolume(tokenOf(call), snapshot.volume_id) : undefined;
    if (volume) requireBootable(volume, limits.flavor, size);
    return { device: { ...plain, size }, boot: volume && bootOf(volume) };
  }
  const volume = await requireVolume(call, deps, id, limits.zone);
  if (isRoot) requireBootable(volume, limits.flavor, volume.size);
  return {
    device: { ...plain, size: volume.size, multiattach: volume.multiattach },
    boot: bootOf(volume),
  };
}

/** A volume that a server may be given. @throws InvalidInput */
export async function requireVolume(
  call: Call,
  deps: ComputeDeps,
  id: string,
  zone: string | null,
): Promise<Volume> {
  const volume = await deps.volume.findVolume(tokenOf(call), id);
  if (!volume)
    throw new InvalidInput(`Block Device Mapping is Invalid: failed to get volume ${id}.`, 'no-such-volume');
  requireUsable(call, deps, volume, zone);
  return volume;
}

/** @throws InvalidInput when it is not free, or may not be shared at this microversion */
export function requireUsable(call: Call, deps: ComputeDeps, volume: Volume, zone: string | null): void {
  if (volume.multiattach && !atLeast(call.microversion, '2.60'))
    throw new InvalidInput('Multiattach volumes are only supported starting with compute API version 2.60.');
  const usable = volume.multiattach ? ['available', 'in-use'] : ['available'];
  if (!usable.includes(volume.status))
    throw new InvalidInput(
      `Invalid volume: volume ${volume.id} must be ${usable.join(' or ')}, and is ${volume.status}.`,
      'volume-not-available',
    );
  if (!deps.config.crossZoneAttach && zone !== null && volume.availability_zone !== zone)
    throw new InvalidInput(
      `Invalid volume: volume ${volume.id} is in the availability zone ${volume.availability_zone}, the server in ${zone}.`,
    );
}

function requireBootable(volume: Volume, flavor: FlavorSnapshot, size: number): void {
  if (volume.bootable !== 'true')
    throw new InvalidInput(`Block Device ${volume.id} is not bootable.`, 'not-bootable');
  const facts = volume.volume_image_metadata ?? {};
  requireRoom(
    flavor,
    true,
    { id: volume.id, min_ram: Number(facts['min_ram'] ?? 0), min_disk: Number(facts['min_disk'] ?? 0) },
    size,
  );
}

const GIB = 2 ** 30;

/** @throws InvalidInput when the image needs more than the flavor's memory or the `size` in GiB of its volume */
export function requireRoom(
  flavor: FlavorSnapshot,
  isRoot: boolean,
  image: Pick<Image, 'id' | 'min_ram' | 'min_disk'> & Partial<Pick<Image, 'size' | 'virtual_size'>>,
  size: number,
): void {
  if (isRoot && image.min_ram > flavor.ram)
    throw new InvalidInput(
      `Flavor's memory is too small for requested image: it has ${flavor.ram} MiB, the image needs ${image.min_ram} MiB.`,
    );
  const needed = Math.max(
    image.min_disk,
    Math.ceil(Math.max(image.size ?? 0, image.virtual_size ?? 0) / GIB),
  );
  if (needed > size)
    throw new InvalidInput(
      `Volume is smaller than the minimum size specified in image metadata: it has ${size} GiB, ${image.id} needs ${needed} GiB.`,
    );
}

function bootOf(volume: Volume): BootSource {
  const properties = { ...volume.volume_image_metadata };
  return {
    properties,
    kernelId: properties['kernel_id'] || null,
    ramdiskId: properties['ramdisk_id'] || null,
  };
}

/** Ephemeral disks and swap as the request wants them, else as the flavor has them. @throws InvalidInput past the flavor */
function withDefaults(devices: readonly WantedDevice[], flavor: FlavorSnapshot): Checked[] {
  const blanks = devices.filter(isLocalBlank);
  const swaps = blanks.filter((each) => each.guestFormat === 'swap');
  const ephemerals = blanks.filter((each) => each.guestFormat !== 'swap');
  if (swaps.length > 1) throw new InvalidInput('More than one swap drive requested.', 'too-many-swaps');
  const swap = swaps.map((each) => ({ ...each, size: each.size ?? flavor.swap }));
  if (swap.some((each) => each.size > flavor.swap))
    throw new InvalidInput('Swap drive requested is larger than instance type allows.', 'swap-too-large');
  const wanted = ephemerals.map((each) => ({ ...each, size: each.size ?? flavor.ephemeral }));
  if (wanted.reduce((sum, each) => sum + each.size, 0) > flavor.ephemeral)
    throw new InvalidInput(
      'Ephemeral disks requested are larger than the instance type allows.',
      'ephemeral-too-large',
    );
  const all = [
    ...(wanted.length > 0 ? wanted : [blank(flavor.ephemeral, null)]),
    ...(swap.length > 0 ? swap : [blank(flavor.swap, 'swap')]),
  ];
  return all.filter((each) => each.size > 0).map((each) => ({ ...each, multiattach: false }));
}

const blank = (size: number, guestFormat: string | null): WantedDevice & { size: number } => ({
  source: 'blank',
  destination: 'local',
  id: null,
  size,
  bootIndex: -1,
  deleteOnTermination: true,
  deviceName: null,
  tag: null,
  volumeType: null,
  diskBus: null,
  deviceType: 'disk',
  guestFormat,
});

/** The root disk has the first name of its bus; names that are asked for come before those that are given. */
function nameDevices(
  devices: readonly Checked[],
  imageBus: DiskBus,
  property: string | undefined,
): Pick<PlannedDisks, 'devices' | 'rootDeviceName'> {
  const root = devices.find((each) => each.bootIndex === 0);
  const rootBus = busOf(root?.diskBus ?? property ?? imageBus);
  const rootDeviceName = freeName(rootBus, new Set());
  const taken = new Set([rootDeviceName]);
  const named = new Map<Checked, string>(root ? [[root, rootDeviceName]] : []);
  for (const device of devices) {
    if (device === root || device.deviceName === null) continue;
    const name = wantedName(busOf(device.diskBus ?? property), device.deviceName);
    if (name === undefined || taken.has(name)) continue; // a hint at most: guests name disks themselves
    taken.add(name);
    named.set(device, name);
  }
  const planned = devices.map((device): PlannedDevice => {
    const name = named.get(device) ?? freeName(busOf(device.diskBus ?? property), taken);
    taken.add(name);
    return { ...device, deviceName: name };
  });
  return { devices: planned, rootDeviceName };
}

/** The rows of one server. */
export function deviceRows(
  devices: readonly PlannedDevice[],
  instanceId: string,
  now: string,
): BlockDeviceRow[] {
  return devices.map((device) => ({
    id: crypto.randomUUID(),
    instance_id: instanceId,
    state: 'kept',
    source_type: device.source,
    destination_type: device.destination,
    volume_id: device.source === 'volume' ? device.id : null,
    snapshot_id: device.source === 'snapshot' ? device.id : null,
    image_id: device.source === 'image' ? device.id : null,
    volume_size: device.size,
    volume_type: device.volumeType,
    boot_index: device.bootIndex,
    delete_on_termination: device.deleteOnTermination ? 1 : 0,
    device_name: device.deviceName,
    tag: device.tag,
    disk_bus: device.diskBus,
    device_type: device.deviceType,
    guest_format: device.guestFormat,
    made: 0,
    multiattach: device.multiattach ? 1 : 0,
    attachment_id: null,
    connection_json: null,
    created_at: now,
    updated_at: null,
  }));
}
