// `PUT /v2/images/{image}/file`: takes the data, checks what it is, and makes the image active, or queued as it was.
import { randomUUID } from 'node:crypto';
import { DomainError } from '#platform/errors/domain-error.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { ImageGone, Invalid, TooLarge, WrongMediaType } from '../errors.ts';
import { findMutable } from '../images/find.ts';
import { requireUploadable } from '../images/states.ts';
import { findImageRow, updateImage } from '../images/store.ts';
import { insertLocation } from '../locations/store.ts';
import type { StoredData } from '../store/port.ts';
import type { NamedStore } from '../store/stores.ts';
import type { ImageRow } from '../tables.ts';
import { acceptData } from './accept.ts';
import { startLease } from './lease.ts';

export async function uploadImageData(call: Call, deps: ImageDeps): Promise<Reply> {
  call.stream.on('error', () => undefined); // also when it breaks after we stopped reading
  try {
    return await upload(call, deps);
  } catch (error) {
    // The client sends on until it has our answer: what still comes is read and dropped, so that the answer arrives.
    call.stream.resume();
    throw error;
  }
}

async function upload(call: Call, deps: ImageDeps): Promise<Reply> {
  const type = call.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/octet-stream') throw new WrongMediaType(type, 'application/octet-stream');
  const { image } = await findMutable(call, deps, 'upload_image');
  requireUploadable(image);
  if (image.disk_format === null || image.container_format === null) {
    throw new Invalid('Properties disk_format and container_format must be set before data is sent.');
  }
  const into = chosenStore(call, deps);
  const announced = announcedSize(call);
  await requireRoom(deps, into, announced);
  const uploadId = randomUUID();
  await using lease = await startLease(deps, image, uploadId);
  try {
    const data = await receive(call, deps, { into, name: uploadId, announced, signal: lease.signal });
    await activate(deps, image, into, uploadId, data);
  } catch (error) {
    await abandon(deps, image, into, uploadId);
    throw error;
  }
  return new Reply(204);
}

/** Undefined for chunked transfers without a word of the size. @throws Invalid */
function announcedSize(call: Call): number | undefined {
  const texts = [call.headers['content-length'], call.headers['x-openstack-image-size']].filter(
    (text) => text !== undefined,
  );
  const sizes = new Set(texts.map((text) => (/^\d{1,15}$/.test(String(text)) ? Number(text) : Number.NaN)));
  const [size] = sizes;
  if (sizes.size > 1 || Number.isNaN(size))
    throw new Invalid('The headers do not agree on the size of the image.');
  return size;
}

/** The store that the client names, or the default. @throws Invalid for one that is not there */
function chosenStore(call: Call, { stores }: ImageDeps): NamedStore {
  const named = call.headers['x-image-meta-store'];
  return typeof named === 'string' && named !== '' ? stores.get(named) : stores.default;
}

async function requireRoom(
  { config }: ImageDeps,
  { store }: NamedStore,
  size: number | undefined,
): Promise<void> {
  if (size === undefined) return;
  if (size > config.maxImageBytes) {
    throw new TooLarge(
      `The image of ${size} bytes is larger than the limit of ${config.maxImageBytes} bytes.`,
    );
  }
  const free = await store.free();
  if (free !== undefined && size > free)
    throw new TooLarge(`There is not enough room for ${size} bytes in the store.`, 'store-full');
}

interface Receiving {
  readonly into: NamedStore;
  readonly name: string;
  readonly announced: number | undefined;
  readonly signal: AbortSignal;
}

async function receive(
  call: Call,
  deps: ImageDeps,
  { into, name, announced, signal }: Receiving,
): Promise<StoredData> {
  const maxBytes = announced ?? deps.config.maxImageBytes;
  const data = await into.store
    .put(call.stream, {
      name,
      maxBytes,
      ...(announced === undefined ? {} : { size: announced }),
      signal,
      idleMs: deps.config.uploadIdleMs,
    })
    .catch((cause: unknown) => {
      if (cause instanceof DomainError) throw cause;
      const reason: unknown = signal.aborted ? signal.reason : undefined;
      if (reason instanceof DomainError) throw reason;
      throw new DomainError(
        'bad-request',
        'upload-interrupted',
        'The upload was interrupted; the image is queued again.',
        { cause },
      );
    });
  if (announced !== undefined && data.size !== announced) {
    throw new Invalid(
      `${data.size} bytes came where ${announced} were announced; the image is queued again.`,
      'size-mismatch',
    );
  }
  return data;
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
