// What the handlers of a server's volumes share: finding one of its disks, and a row for a new one.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { busOf, freeName } from '#compute/block-devices/names.ts';
import { findVolumeDevice, listDeviceNames } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotFound } from '#compute/errors.ts';
import type { BlockDeviceRow, InstanceRow } from '#compute/tables.ts';

export const RULE = 'os_compute_api:os-volumes-attachments';

/** Of the volume that the path names. @throws NotFound */
export async function requireDevice(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
): Promise<BlockDeviceRow> {
  const volumeId = call.params['volume'] ?? '';
  const device = await findVolumeDevice(deps.db.kysely, row.id, volumeId.toLowerCase());
  if (device) return device;
  throw new NotFound(
    `Instance ${row.id} is not attached to volume ${volumeId.slice(0, 255)}`,
    'no-such-attachment',
  );
}

/** The name is ours to choose: guests name disks themselves, and one that a request asks for would promise too much. */
export async function newDevice(
  deps: ComputeDeps,
  row: InstanceRow,
  volumeId: string,
): Promise<BlockDeviceRow> {
  const image = JSON.parse(row.image_json) as Record<string, string>;
  const names = await listDeviceNames(deps.db.kysely, row.id);
  const bus = busOf(image['hw_disk_bus']);
  return {
    id: crypto.randomUUID(),
    instance_id: row.id,
    state: 'reserving',
    source_type: 'volume',
    destination_type: 'volume',
    volume_id: volumeId,
    snapshot_id: null,
    image_id: null,
    volume_size: null,
    volume_type: null,
    boot_index: -1,
    delete_on_termination: 0,
    device_name: freeName(bus === 'ide' ? 'virtio' : bus, new Set([...names, row.root_device_name])),
    tag: null,
    disk_bus: bus === 'ide' ? 'virtio' : null, // IDE has no hot plug
    device_type: 'disk',
    guest_format: null,
    made: 0,
    multiattach: 0,
    attachment_id: null,
    connection_json: null,
    created_at: isoTime(deps.clock),
    updated_at: null,
  };
}
