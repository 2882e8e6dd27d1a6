// The status of a volume, derived from what is done with it and from its attachments, so that these cannot disagree. Pure.
import type { AttachmentRow, AttachmentStatus, VolumeRow } from '#volume/tables.ts';

/** Strongest first: a volume that somebody has attached is in use, whatever else is begun with it. */
const ORDER: ReadonlyArray<readonly [AttachmentStatus, string]> = [
  ['attached', 'in-use'],
  ['attaching', 'attaching'],
  ['detaching', 'detaching'],
  ['reserved', 'reserved'],
];

type Attached = Pick<AttachmentRow, 'status'>;

export function statusOf(
  volume: Pick<VolumeRow, 'lifecycle' | 'forced_status'>,
  attachments: readonly Attached[],
): string {
  if (volume.forced_status !== null) return volume.forced_status;
  if (volume.lifecycle !== 'available') return volume.lifecycle;
  return ORDER.find(([status]) => attachments.some((each) => each.status === status))?.[1] ?? 'available';
}

/** What `statusOf` gives, for SQL: the words of `attachments.status` and what they make of the volume. */
export const STATUS_OF_ATTACHMENTS = ORDER;
