// `PUT /v2/images/{image}/stage`: takes data that a later import reads. The image stays `uploading` until then.
import { randomUUID } from 'node:crypto';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { ImageGone, Invalid } from '../errors.ts';
import { findMutable } from '../images/find.ts';
import { requireUploadable } from '../images/states.ts';
import { updateImage } from '../images/store.ts';
import type { StoredData } from '../store/port.ts';
import type { ImageRow } from '../tables.ts';
import { startLease } from './lease.ts';
import { announcedSize, draining, receive, requireOctets, requireRoom } from './receive.ts';

export async function stageImageData(call: Call, deps: ImageDeps): Promise<Reply> {
  return draining(call, async () => stage(call, deps));
}

async function stage(call: Call, deps: ImageDeps): Promise<Reply> {
  requireOctets(call);
  const { image } = await findMutable(call, deps, 'upload_image');
  requireUploadable(image);
  if (!deps.config.importMethods.includes('glance-direct'))
    throw new Invalid('Data cannot be staged here: the import method glance-direct is switched off.');
  const announced = announcedSize(call);
  const room = { store: deps.staging, quota: 'image_stage_total' } as const;
  const maxBytes = await requireRoom(deps, image, room, announced);
  const name = randomUUID();
  await using lease = await startLease(deps, image, name, 'uploading');
  try {
    await keep(
      deps,
      image,
      name,
      await receive(call, deps, { into: deps.staging, name, announced, maxBytes, signal: lease.signal }),
    );
  } catch (error) {
    await deps.staging.delete(name);
    const set = { status: 'queued', upload_id: null, upload_lease: null, staged_json: null } as const;
    await updateImage(deps.db.kysely, image.id, { status: 'uploading', upload_id: name }, set);
    throw error;
  }
  return new Reply(204);
}

async function keep(
  { db, clock }: ImageDeps,
  image: ImageRow,
  name: string,
  data: StoredData,
): Promise<void> {
  const set = { upload_lease: null, staged_json: JSON.stringify(data), updated_at: isoTime(clock) };
  const kept = await updateImage(db.kysely, image.id, { status: 'uploading', upload_id: name }, set);
  if (!kept) throw new ImageGone(image.id);
}
