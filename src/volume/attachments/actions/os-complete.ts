// os-complete (3.44): the server has the volume, so that it is in use. As upstream it needs no connector: a shelved server that
// is on no host has its volumes as well.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound } from '#volume/errors.ts';
import { VOLUME_CHANGED } from '#volume/rpc.ts';
import { findAttachment } from '../find.ts';
import { findAttachmentRow, updateAttachment } from '../store.ts';

export async function completeAttachment(call: Call, deps: VolumeDeps): Promise<void> {
  const { id } = await findAttachment(call, deps, 'volume:attachment_complete');
  await deps.db.transaction(async (trx) => {
    const attachment = await findAttachmentRow(trx, id);
    if (!attachment) throw new AttachmentNotFound(id);
    if (attachment.status === 'attached') return;
    const now = isoTime(deps.clock);
    await updateAttachment(trx, id, { status: 'attached', attached_at: now, updated_at: now });
  });
  await deps.bus.publish(VOLUME_CHANGED, { resource: 'attachment', id });
}
