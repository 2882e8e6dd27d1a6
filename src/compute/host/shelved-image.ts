// The image that holds the root disk of a shelved server: compute made it, and takes it away when the server is back or gone.
import { causeChain } from '#platform/errors/domain-error.ts';
import type { ImageClient } from '#platform/clients/image.ts';
import type { Log } from '#platform/log/log.ts';
import { systemMetadataOf } from '../system-metadata.ts';
import type { InstanceRow } from '../tables.ts';

interface Deps {
  readonly image: ImageClient;
  readonly serviceToken: () => Promise<string>;
  readonly log: Log;
}

/** A failure is logged: the server does not need the image any more, and its project can delete it. */
export async function removeShelvedImage(
  { image, serviceToken, log }: Deps,
  entry: Pick<InstanceRow, 'id' | 'system_metadata_json'>,
): Promise<string | null> {
  const id = systemMetadataOf(entry).shelved_image_id;
  if (id === undefined) return null;
  try {
    const token = await serviceToken();
    if (await image.findImage(token, id)) await image.deleteImage(token, id);
  } catch (error) {
    log.warn(
      { server_id: entry.id, image_id: id, causes: causeChain(error) },
      'the image of a server that was shelved could not be deleted',
    );
  }
  return id;
}
