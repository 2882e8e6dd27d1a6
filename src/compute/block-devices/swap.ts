// The swap disk of a server whose flavor changes. Pure.
import type { BlockDeviceRow, InstanceRow } from '../tables.ts';
import { busOf, freeName } from './names.ts';

const isSwap = (device: BlockDeviceRow): boolean =>
  device.destination_type === 'local' && device.guest_format === 'swap';

/** @param sizeMb of swap as the flavor has it now. @param id of a row that has to be made: the same at every call */
export function withSwap(
  devices: readonly BlockDeviceRow[],
  sizeMb: number,
  server: Pick<InstanceRow, 'id' | 'image_json' | 'created_at' | 'root_device_name'>,
  id: string,
): readonly BlockDeviceRow[] {
  const others = devices.filter((device) => !isSwap(device));
  if (sizeMb === 0) return others;
  const swap = devices.find(isSwap);
  if (swap) return devices.map((device) => (device === swap ? { ...swap, volume_size: sizeMb } : device));
  const bus = busOf((JSON.parse(server.image_json) as Record<string, string>)['hw_disk_bus']);
  const taken = new Set([server.root_device_name, ...devices.map((device) => device.device_name)]);
  const made: BlockDeviceRow = {
    id,
    instance_id: server.id,
    state: 'kept',
    source_type: 'blank',
    destination_type: 'local',
    volume_id: null,
    snapshot_id: null,
    image_id: null,
    volume_size: sizeMb,
    volume_type: null,
    boot_index: -1,
    delete_on_termination: 1,
    device_name: freeName(bus, taken),
    tag: null,
    disk_bus: null,
    device_type: 'disk',
    guest_format: 'swap',
    made: 0,
    multiattach: 0,
    attachment_id: null,
    connection_json: null,
    created_at: server.created_at,
    updated_at: null,
  };
  return [...devices, made];
}
