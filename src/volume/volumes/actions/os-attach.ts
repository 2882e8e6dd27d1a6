// os-attach: records that a server or a host has the volume.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { reservationOf, reserve } from '#volume/attachments/reserve.ts';
import { listOfVolume, updateAttachment } from '#volume/attachments/store.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume } from '#volume/errors.ts';
import { findVolume } from '../find.ts';

interface AttachBody {
  readonly instance_uuid?: string | null;
  readonly host_name?: string | null;
  readonly mountpoint: string;
  readonly mode?: 'rw' | 'ro';
}

export async function attachVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_actions:attach');
  const body = (call.body as { 'os-attach': AttachBody })['os-attach'];
  const { instance_uuid: instance, host_name: host } = body;
  if ((instance ?? null) === null && (host ?? null) === null)
    throw new InvalidInput('Invalid request to attach volume to an invalid target: name a server or a host.');
  await deps.db.transaction(async (trx) => {
    const waiting = (await listOfVolume(trx, volume.id)).find(
      (each) =>
        (each.status === 'reserved' || each.status === 'attaching') &&
        (each.instance_id === null || each.instance_id === instance),
    );
    const row =
      waiting ??
      (await reserve(trx, deps, volume.id, {
        ...reservationOf(call, volume),
        instanceId: instance ?? null,
        mode: body.mode,
      }));
    if (volume.readonly === 1 && body.mode === 'rw')
      throw new InvalidVolume(
        `Volume ${volume.id} may only be read: attach it with mode ro.`,
        'invalid-attach-mode',
      );
    const now = isoTime(deps.clock);
    await updateAttachment(trx, row.id, {
      status: 'attached',
      instance_id: instance ?? null,
      attached_host: host ?? row.attached_host,
      mountpoint: body.mountpoint,
      ...(body.mode ? { mode: body.mode } : {}),
      attached_at: now,
      updated_at: now,
    });
  });
}
