// Keeps callers from ending an attachment behind the back of the server that uses it: the guest would still reach the
// volume while others are given it. Only compute, which takes it out of the guest first, may.
import type { Call } from '#platform/http/api.ts';
import { expectOk } from '#platform/clients/transport.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { VolumeConflict } from '#volume/errors.ts';
import type { AttachmentRow } from '#volume/tables.ts';
import { isVouchedFor } from './sight.ts';

type Attachment = Pick<AttachmentRow, 'id' | 'volume_id' | 'instance_id'>;

/** @throws VolumeConflict when a server has the volume by one of `attachments`; what compute says when it can't be asked */
export async function assertUnused(
  call: Call,
  deps: VolumeDeps,
  attachments: readonly Attachment[],
): Promise<void> {
  if (await isVouchedFor(call, deps)) return;
  for (const attachment of attachments)
    if (await isUsed(deps, attachment))
      throw new VolumeConflict(
        `Server ${attachment.instance_id} uses volume ${attachment.volume_id}: detach it with the compute API.`,
        'server-uses-attachment',
      );
}

/** By compute's word, asked as a service: a caller may not see the server, and it uses the volume all the same. It writes the attachment down before the guest has the volume, and strikes it out after. */
async function isUsed(deps: VolumeDeps, attachment: Attachment): Promise<boolean> {
  const { id, volume_id, instance_id } = attachment;
  if (instance_id === null) return false;
  const answer = await expectOk(
    'compute',
    deps.peer('compute'),
    {
      method: 'GET',
      path: `/v2.1/servers/${instance_id}/os-volume_attachments/${volume_id}`,
      headers: { 'openstack-api-version': 'compute 2.89' }, // the first that names the attachment
      token: await deps.serviceToken(),
    },
    [200, 404],
  );
  if (answer.status === 404) return false;
  const { volumeAttachment } = answer.body as { volumeAttachment: { attachment_id: string | null } };
  return volumeAttachment.attachment_id === id;
}
