// Reserves volumes for a server at the time of its request, so that nobody else gets them and the caller sees it at once. The
// rows come first, marked as reserving: a request that dies half-way is found by them (loops/release-volumes.ts).
import type { Call } from '#platform/http/api.ts';
import { endAttachments } from '#compute/block-devices/release.ts';
import { insertDevices, removeDevices, updateDevice } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import type { BlockDeviceRow } from '#compute/tables.ts';
import { tokenOf } from './create/check-image.ts';

const isExisting = (device: BlockDeviceRow): boolean => device.source_type === 'volume';

export interface Reservation {
  /** To be kept in the transaction that records what they are for. */
  readonly ids: readonly string[];
  /** When there is nothing to record after all. */
  cancel(): Promise<void>;
}

/** Stores `rows` and reserves their volumes. @throws the volume service's refusal; nothing is left then */
export async function reserveVolumes(
  call: Call,
  deps: ComputeDeps,
  rows: readonly BlockDeviceRow[],
): Promise<Reservation> {
  const { kysely } = deps.db;
  const ids = rows.map((row) => row.id);
  await insertDevices(
    kysely,
    rows.map((row) => ({ ...row, state: 'reserving' })),
  );
  const cancel = async (): Promise<void> => {
    for (const row of rows.filter(isExisting))
      await endAttachments(deps, row.instance_id, row.volume_id ?? '');
    await removeDevices(kysely, ids);
  };
  try {
    for (const row of rows.filter(isExisting)) {
      const attachment = await deps.volume.createAttachment(tokenOf(call), {
        volume_uuid: row.volume_id ?? '',
        instance_uuid: row.instance_id,
      });
      await updateDevice(kysely, row.id, { attachment_id: attachment.id });
    }
  } catch (error) {
    await cancel().catch((cause: unknown) =>
      deps.log.warn({ err: cause }, 'reservations are to be ended later'),
    );
    throw error;
  }
  return { ids, cancel };
}
