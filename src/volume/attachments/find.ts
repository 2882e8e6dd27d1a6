// Finds the attachment of a request: another project's is not there.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound } from '#volume/errors.ts';
import { UUID } from '#volume/schema-types.ts';
import type { AttachmentRow } from '#volume/tables.ts';
import { enforceOnProject } from '#volume/volumes/find.ts';
import { findVolumeRow } from '#volume/volumes/store.ts';
import { findAttachmentRow } from './store.ts';

/** @throws AttachmentNotFound, PolicyDenied for who may see it and not do what `rule` is about */
export async function findAttachment(call: Call, { db }: VolumeDeps, rule: string): Promise<AttachmentRow> {
  const id = call.params['id'] ?? '';
  const attachment = UUID.test(id) ? await findAttachmentRow(db.kysely, id.toLowerCase()) : undefined;
  const volume = attachment && (await findVolumeRow(db.kysely, attachment.volume_id));
  if (!attachment || !volume) throw new AttachmentNotFound(id);
  enforceOnProject(call, rule, volume.project_id, 'volume:attachment_get', new AttachmentNotFound(id));
  return attachment;
}
