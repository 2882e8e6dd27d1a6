// Takes the data of a request into a store. For uploads and for staging.
import { DomainError } from '#platform/errors/domain-error.ts';
import type { Call } from '#platform/http/api.ts';
import type { ImageDeps } from '../deps.ts';
import { Invalid, TooLarge, WrongMediaType } from '../errors.ts';
import type { ImageStore, StoredData } from '../store/port.ts';

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

/** @throws TooLarge */
export async function requireRoom(
  { config }: ImageDeps,
  store: ImageStore,
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

export interface Receiving {
  readonly into: ImageStore;
  readonly name: string;
  readonly announced: number | undefined;
  readonly signal: AbortSignal;
}

/** @throws DomainError for whatever keeps the data from being whole; the store has nothing of it then */
export async function receive(
  call: Call,
  deps: ImageDeps,
  { into, name, announced, signal }: Receiving,
): Promise<StoredData> {
  const maxBytes = announced ?? deps.config.maxImageBytes;
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
