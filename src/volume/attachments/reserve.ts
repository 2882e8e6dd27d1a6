// Who may use a volume: the one place where attachments are made and ended. All in the caller's transaction, which the
// database serialises, so that of two that want the same volume one is refused.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import type { AttachmentRow, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { backendIn } from '#volume/volumes/host-name.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findVolumeRow, findWholeVolume, updateVolume, type WholeVolume } from '#volume/volumes/store.ts';
import { deleteAttachmentRow, insertAttachment } from './store.ts';

type Trx = Executor<VolumeTables>;

export interface Reservation {
  readonly instanceId: string | null;
  readonly mode: 'rw' | 'ro' | undefined;
  readonly projectId: string;
  readonly mayMultiattachBootable: boolean;
}

/** What the actions before the attachments API reserve: for nobody in particular. */
export const reservationOf = (call: Call, { project_id }: VolumeRow): Reservation => ({
  instanceId: null,
  mode: undefined,
  projectId: project_id,
  mayMultiattachBootable: call.allows('volume:multiattach_bootable_volume', { project_id }),
});

/** @throws InvalidVolume when it is not free */
export async function reserve(
  trx: Trx,
  { clock }: Pick<VolumeDeps, 'clock'>,
  volumeId: string,
  wanted: Reservation,
): Promise<AttachmentRow> {
  const whole = await findWholeVolume(trx, volumeId);
  if (!whole) throw new VolumeNotFound(volumeId);
  assertFree(whole, wanted);
  const now = isoTime(clock);
  const attachment: AttachmentRow = {
    id: crypto.randomUUID(),
    volume_id: volumeId,
    project_id: wanted.projectId,
    instance_id: wanted.instanceId,
    status: 'reserved',
    mode: modeOf(whole, wanted.mode),
    connector_json: null,
    connection_json: null,
    mountpoint: null,
    attached_host: null,
    attached_at: null,
    created_at: now,
    updated_at: null,
  };
  await insertAttachment(trx, attachment);
  await touch(trx, volumeId, now);
  return attachment;
}

function assertFree(
  { volume, attachments }: WholeVolume,
  { instanceId, mayMultiattachBootable }: Reservation,
): void {
  const status = statusOf(volume, attachments);
  // A server that has it may have it a second time, while it moves from one host to another.
  const again = instanceId !== null && attachments.some((each) => each.instance_id === instanceId);
  const shareable = volume.multiattach === 1 || again;
  const idle = volume.lifecycle === 'available' && volume.forced_status === null;
  if (!(status === 'available' || (shareable && idle)))
    throw new InvalidVolume(
      `Volume ${volume.id} status must be available${volume.multiattach === 1 ? ' or in-use' : ''} to reserve, but the current status is ${status}.`,
    );
  if (
    volume.multiattach === 1 &&
    volume.bootable === 1 &&
    attachments.length > 0 &&
    !again &&
    !mayMultiattachBootable
  )
    throw new InvalidVolume(
      `Volume ${volume.id} is bootable, and may not be attached more than once by you.`,
    );
}

function modeOf({ volume }: WholeVolume, wanted: 'rw' | 'ro' | undefined): 'rw' | 'ro' {
  if (volume.readonly === 1 && wanted === 'rw')
    throw new InvalidVolume(
      `Volume ${volume.id} may only be read: attach it with mode ro.`,
      'invalid-attach-mode',
    );
  return wanted ?? (volume.readonly === 1 ? 'ro' : 'rw');
}

/** Ends the attachment; its export ends as soon as the backend can be reached. Of one that is gone, nothing. */
export async function release(
  trx: Trx,
  { bus, clock }: Pick<VolumeDeps, 'bus' | 'clock'>,
  attachment: AttachmentRow,
): Promise<void> {
  if (!(await deleteAttachmentRow(trx, attachment.id))) return;
  await touch(trx, attachment.volume_id, isoTime(clock));
  if (attachment.connector_json !== null) await endExport(trx, { bus }, attachment);
}

/** The message that ends the export of an attachment, whether it is gone or only not connected any more. */
export async function endExport(
  trx: Trx,
  { bus }: Pick<VolumeDeps, 'bus'>,
  { id, volume_id }: Pick<AttachmentRow, 'id' | 'volume_id'>,
): Promise<void> {
  const volume = await findVolumeRow(trx, volume_id);
  if (!volume || volume.host === null) return;
  const backend = rpcClient<VolumeServiceRpc>(bus, volumeQueue(backendIn(volume.host)));
  await enqueue(trx, backend.message('disconnect', { volume_id, attachment_id: id }));
}

/** Every change of the attachments writes the volume too: two transactions about one volume then never both commit. */
async function touch(trx: Trx, volumeId: string, now: string): Promise<void> {
  await updateVolume(trx, volumeId, { updated_at: now, forced_status: null });
}
