// Takes the data of a request into a store. For uploads and for staging.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Invalid, TooLarge, WrongMediaType } from '../errors.ts';
import type { QuotaName } from '../config.ts';
import { requireQuota } from '../quotas/quotas.ts';
import type { ImageStore, StoredData } from '../store/port.ts';
import type { ImageRow } from '../tables.ts';

/** @throws WrongMediaType */
export function requireOctets(call: Call): void {
  const type = call.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/octet-stream') throw new WrongMediaType(type, 'application/octet-stream');
}

/**
 * Runs `receive`, and when it refuses reads what the client still sends: it sends on until it has our answer, which arrives
 * only then.
 */
export async function draining<T>(call: Call, receive: () => Promise<T>): Promise<T> {
  call.stream.on('error', () => undefined); // also when it breaks after we stopped reading
  try {
    return await receive();
  } catch (error) {
    call.stream.resume();
    throw error;
  }
}

/** Undefined for chunked transfers without a word of the size. @throws Invalid */
export function announcedSize(call: Call): number | undefined {
  const texts = [call.headers['content-length'], call.headers['x-openstack-image-size']].filter(
    (text) => text !== undefined,
  );
  const sizes = new Set(texts.map((text) => (/^\d{1,15}$/.test(String(text)) ? Number(text) : Number.NaN)));
  const [size] = sizes;
  if (sizes.size > 1 || Number.isNaN(size))
    throw new Invalid('The headers do not agree on the size of the image.');
  return size;
}

/**
 * Before data is taken: the project may have one more upload, and its data fits into the project's limit and the store.
 * @param quota which limit the data counts for @returns bytes that may come at most @throws TooLarge
 */
export async function requireRoom(
  deps: ImageDeps,
  image: ImageRow,
  into: { readonly store: ImageStore; readonly quota: QuotaName },
  size: number | undefined,
): Promise<number> {
  const { db, config } = deps;
  if (size !== undefined && size > config.maxImageBytes) {
    throw new TooLarge(
      `The image of ${size} bytes is larger than the limit of ${config.maxImageBytes} bytes.`,
    );
  }
  await requireQuota(deps, db.kysely, 'image_count_uploading', image.owner, 1);
  const left = await requireQuota(deps, db.kysely, into.quota, image.owner, size ?? 1);
  if (size === undefined) return Math.min(config.maxImageBytes, left + 1);
  const free = await into.store.free();
  if (free !== undefined && size > free)
    throw new TooLarge(`There is not enough room for ${size} bytes in the store.`, 'store-full');
  return size;
}

export interface Receiving {
  readonly into: ImageStore;
  readonly name: string;
  readonly announced: number | undefined;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** @throws DomainError for whatever keeps the data from being whole; the store has nothing of it then */
export async function receive(
  call: Call,
  deps: ImageDeps,
  { into, name, announced, maxBytes, signal }: Receiving,
): Promise<StoredData> {
  const data = await into
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
