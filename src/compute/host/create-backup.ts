// A backup of a server: a snapshot, and then the end of the oldest backups of its type. Called by the agent.
import type { Image } from '#platform/clients/image.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import type { AgentRpc } from '../rpc.ts';
import { createImage } from '../tasks/create-image.ts';
import type { HostDeps } from './deps.ts';

type Wanted = Parameters<AgentRpc['createBackup']>[0];

export async function createBackup(deps: HostDeps, message: Wanted): Promise<void> {
  await createImage(deps, message);
  try {
    await rotate(deps, message);
  } catch (error) {
    // the backup itself is made: the next one of its type ends what is too much
    deps.log.warn({ server_id: message.instance_id, causes: causeChain(error) }, 'backups were not rotated');
  }
}

/** With the user's own token: nobody's backups are ended but those that the user may delete. */
async function rotate(deps: HostDeps, message: Wanted): Promise<void> {
  const { user_token, image_id, instance_id, backup_type, rotation } = message;
  const made = await deps.image.findImage(user_token, image_id);
  if (made?.status !== 'active') return; // no backup was made: none has to go for it
  const listed = await deps.image.listImages(user_token, {
    instance_uuid: instance_id,
    image_type: 'backup',
    backup_type,
    sort: 'created_at:desc',
  });
  // Others can share images with any property: what is not of the same project does not count.
  const own = listed.filter((image) => image.owner === made.owner && isBackup(image, message));
  for (const { id } of own.slice(rotation)) await deps.image.deleteImage(user_token, id);
}

/** Looked at once more: what is deleted must be a backup of this server and type. */
function isBackup(image: Image, { instance_id, backup_type }: Wanted): boolean {
  return (
    image['image_type'] === 'backup' &&
    image['instance_uuid'] === instance_id &&
    image['backup_type'] === backup_type
  );
}
