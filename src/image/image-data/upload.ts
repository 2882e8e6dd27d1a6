// `PUT /v2/images/{image}/file`: takes the data, checks what it is, and makes the image active, or queued as it was.
import { randomUUID } from 'node:crypto';
import { DomainError } from '#platform/errors/domain-error.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { ImageGone } from '../errors.ts';
import { findMutable } from '../images/find.ts';
import { requireFormats, requireUploadable } from '../images/states.ts';
import { findImageRow, updateImage } from '../images/store.ts';
import { requireQuota } from '../quotas/quotas.ts';
import { insertLocation } from '../locations/store.ts';
import type { StoredData } from '../store/port.ts';
import type { NamedStore } from '../store/stores.ts';
import type { ImageRow } from '../tables.ts';
import { acceptData } from './accept.ts';
import { startLease } from './lease.ts';
import { announcedSize, draining, receive, requireOctets, requireRoom } from './receive.ts';

export async function uploadImageData(call: Call, deps: ImageDeps): Promise<Reply> {
  return draining(call, async () => upload(call, deps));
}

async function upload(call: Call, deps: ImageDeps): Promise<Reply> {
  requireOctets(call);
  const { image } = await findMutable(call, deps, 'upload_image');
  requireUploadable(image);
  requireFormats(image);
  const into = chosenStore(call, deps);
  const announced = announcedSize(call);
  const room = { store: into.store, quota: 'image_size_total' } as const;
  const maxBytes = await requireRoom(deps, image, room, announced);
  const uploadId = randomUUID();
  await using lease = await startLease(deps, image, uploadId);
  try {
    const data = await receive(call, deps, {
      into: into.store,
      name: uploadId,
      announced,
      maxBytes,
      signal: lease.signal,
    });
    await activate(deps, image, into, uploadId, data);
  } catch (error) {
    await abandon(deps, image, into, uploadId);
    throw error;
  }
  return new Reply(204);
}

/** The store that the client names, or the default. @throws Invalid for one that is not there */
function chosenStore(call: Call, { stores }: ImageDeps): NamedStore {
  const named = call.headers['x-image-meta-store'];
  return typeof named === 'string' && named !== '' ? stores.get(named) : stores.default;
}

async function activate(
  deps: ImageDeps,
  image: ImageRow,
  { id: store, store: { get } }: NamedStore,
  uploadId: string,
  data: StoredData,
): Promise<void> {
  const accepted = await acceptData(image, async (range) => get(uploadId, range), data);
  const now = isoTime(deps.clock);
  const done = await deps.db.transaction(async (trx) => {
    await requireQuota(deps, trx, 'image_size_total', image.owner, data.size); // others may have filled it meanwhile
    const set = {
      ...accepted,
      status: 'active',
      upload_id: null,
      upload_lease: null,
      updated_at: now,
    } as const;
    if (!(await updateImage(trx, image.id, { status: 'saving', upload_id: uploadId }, set))) return false;
    await insertLocation(trx, { image_id: image.id, store, name: uploadId, state: 'ready', created_at: now });
    return true;
  });
  if (done) return;
  if (!(await findImageRow(deps.db.kysely, image.id))) throw new ImageGone(image.id);
  throw new DomainError(
    'conflict',
    'upload-lost',
    'The upload took too long without a sign of life and was given up; send the data again.',
  );
}

/** The data first: while the row names it, nothing is lost by a crash in between. */
async function abandon(
  deps: ImageDeps,
  image: ImageRow,
  { store }: NamedStore,
  uploadId: string,
): Promise<void> {
  await store.delete(uploadId);
  const set = { status: 'queued', upload_id: null, upload_lease: null } as const;
  await updateImage(deps.db.kysely, image.id, { status: 'saving', upload_id: uploadId }, set);
}
