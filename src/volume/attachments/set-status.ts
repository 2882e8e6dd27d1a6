// Sets the status of attachments: for the actions that came before the attachments API.
import { isoTime } from '#platform/context/clock.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import type { AttachmentRow, VolumeTables } from '#volume/tables.ts';
import { updateAttachment } from './store.ts';

export async function setStatus(
  trx: Executor<VolumeTables>,
  { clock }: VolumeDeps,
  attachments: readonly AttachmentRow[],
  status: AttachmentRow['status'],
): Promise<void> {
  for (const { id } of attachments) await updateAttachment(trx, id, { status, updated_at: isoTime(clock) });
}
