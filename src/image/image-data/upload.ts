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
import { inspectImage, refusalOf } from '../inspect/inspect.ts';
import type { StoredData } from '../store/file-store.ts';
import type { ImageRow } from '../tables.ts';
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
  const announced = announcedSize(call);
  await requireRoom(deps, announced);
  const uploadId = randomUUID();
  await using lease = await startLease(deps, image, uploadId);
  try {
    const data = await receive(call, deps, uploadId, announced, lease.signal);
    await activate(deps, image, uploadId, data);
  } catch (error) {
    await abandon(deps, image, uploadId);
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

async function requireRoom({ config, store }: ImageDeps, size: number | undefined): Promise<void> {
  if (size === undefined) return;
  if (size > config.maxImageBytes) {
    throw new TooLarge(
      `The image of ${size} bytes is larger than the limit of ${config.maxImageBytes} bytes.`,
    );
  }
  if (size > (await store.free()))
    throw new TooLarge(`There is not enough room for ${size} bytes in the store.`, 'store-full');
}

async function receive(
  call: Call,
  deps: ImageDeps,
  name: string,
  announced: number | undefined,
  signal: AbortSignal,
): Promise<StoredData> {
  const maxBytes = announced ?? deps.config.maxImageBytes;
  const data = await deps.store
    .write(call.stream, {
      name,
      maxBytes,
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

async function activate(deps: ImageDeps, image: ImageRow, uploadId: string, data: StoredData): Promise<void> {
  const inspection = await inspectImage(deps.store.path(uploadId));
  const refusal = DISK_CONTAINERS.has(image.container_format)
    ? refusalOf(image.disk_format ?? '', inspection)
    : undefined;
  if (refusal !== undefined) {
    throw new Invalid(
      `The data was refused and removed, the image is queued again: ${refusal}.`,
      'refused-content',
    );
  }
  const done = await updateImage(
    deps.db.kysely,
    image.id,
    { status: 'saving', upload_id: uploadId },
    {
      status: 'active',
      location: uploadId,
      upload_id: null,
      upload_lease: null,
      size: data.size,
      virtual_size: inspection.virtualSize,
      checksum: data.md5,
      os_hash_algo: 'sha512',
      os_hash_value: data.sha512,
      updated_at: isoTime(deps.clock),
    },
  );
  if (done) return;
  if (!(await findImageRow(deps.db.kysely, image.id))) throw new ImageGone(image.id);
  throw new DomainError(
    'conflict',
    'upload-lost',
    'The upload took too long without a sign of life and was given up; send the data again.',
  );
}

/** The data is the disk itself; archives hold their disks inside, are stored as they are and cannot be booted. */
const DISK_CONTAINERS: ReadonlySet<string | null> = new Set(['bare', 'ami', 'aki', 'ari']);

/** The file first: while the row names it, nothing is lost by a crash in between. */
async function abandon(deps: ImageDeps, image: ImageRow, uploadId: string): Promise<void> {
  await deps.store.remove(uploadId);
  const set = { status: 'queued', upload_id: null, upload_lease: null } as const;
  await updateImage(deps.db.kysely, image.id, { status: 'saving', upload_id: uploadId }, set);
}
