// The image of a server that boots from a volume: no data of its own, but snapshots of the volumes and a mapping that says
// which disk each becomes. Called by createImage.
import { Readable } from 'node:stream';
import type { Call } from '#platform/http/api.ts';
import type { Image } from '#platform/clients/image.ts';
import { MADE_FOR } from '#compute/block-devices/release.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { reserveImage } from '#compute/pending-images/reserve.ts';
import type { BlockDeviceRow, InstanceRow } from '#compute/tables.ts';
import { recordAction } from './action-record.ts';
import { tokenOf } from './create/check-image.ts';

export interface VolumeBackedImage {
  readonly rule: string;
  readonly handledAt: number;
  readonly devices: readonly BlockDeviceRow[];
  /** Name, properties and what else the image of a server has. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** @throws the refusal of a service; the snapshots and the image of the request are then gone again */
export async function snapshotVolumes(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  { rule, handledAt, devices, attributes }: VolumeBackedImage,
): Promise<Image> {
  const token = tokenOf(call);
  const pending = await reserveImage(deps, row.id, { ofVolumes: true });
  try {
    const mappings: unknown[] = [];
    for (const device of devices) {
      const { volume_id } = device;
      if (volume_id === null) {
        mappings.push(mappingOf(device, null));
        continue;
      }
      const snapshot = await deps.volume.createSnapshot(token, {
        volume_id,
        name: `snapshot for ${String(attributes['name'])}`.slice(0, 255),
        force: true,
        metadata: { [MADE_FOR]: pending.id },
      });
      mappings.push(mappingOf(device, snapshot));
    }
    const image = await deps.image.createImage(token, {
      ...attributes,
      id: pending.id,
      disk_format: 'raw',
      bdm_v2: 'True',
      root_device_name: row.root_device_name,
      block_device_mapping: JSON.stringify(mappings),
    });
    await deps.image.uploadData(token, image.id, Readable.from([]), { size: 0 });
    await deps.db.transaction(async (trx) => {
      const { action_id } = await recordAction(trx, call, deps, {
        instanceId: row.id,
        action: 'createImage',
        host: row.host,
        deadlineMs: 0,
        rule,
        handledAt,
        done: true,
      });
      await pending.keep(trx, action_id);
    });
    return image;
  } catch (error) {
    await pending.cancel();
    throw error;
  }
}

function mappingOf(
  device: BlockDeviceRow,
  snapshot: { readonly id: string; readonly size: number } | null,
): Record<string, unknown> {
  const given: Record<string, unknown> = {
    source_type: snapshot ? 'snapshot' : device.source_type,
    destination_type: device.destination_type,
    snapshot_id: snapshot?.id,
    volume_size: snapshot?.size ?? device.volume_size,
    boot_index: device.boot_index,
    device_name: device.device_name,
    device_type: device.device_type,
    disk_bus: device.disk_bus,
    guest_format: device.guest_format,
    tag: device.tag,
    volume_type: device.volume_type,
    delete_on_termination: device.delete_on_termination === 1,
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
  );
}
