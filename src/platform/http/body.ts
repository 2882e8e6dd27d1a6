// Reads request bodies with a limit, and parses JSON without letting it reach prototypes or databases with bytes they refuse.
import type { Readable } from 'node:stream';
import { DomainError } from '#platform/errors/domain-error.ts';

const READ_DEADLINE_MS = 60_000; // a megabyte in a minute: slower is a client that holds connections open

/** How far past the limit a body is still read away, so that its sender gets to see the refusal and not a reset. */
const DRAINED_BYTES = 16 * 1024 * 1024;

/**
 * The whole body. Past `limit` it is read away and refused.
 * @throws DomainError too-large; bad-request when it does not arrive whole or in time
 */
export async function readBody(
  stream: Readable,
  limit: number,
  deadlineMs = READ_DEADLINE_MS,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      stream.on('error', () => undefined); // what comes after the answer is known concerns nobody
      if (error) reject(error);
      else resolve();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else if (size > limit + DRAINED_BYTES) settle(tooLarge(limit));
    };
    const onEnd = (): void => settle(size > limit ? tooLarge(limit) : undefined);
    const onBroken = (): void => settle(notWhole('the connection ended within the request body'));
    const timer = setTimeout(
      () => settle(notWhole(`the request body did not arrive within ${deadlineMs / 1000} s`)),
      deadlineMs,
    );
    stream.on('data', onData).once('end', onEnd).once('error', onBroken).once('close', onBroken);
  });
  return Buffer.concat(chunks);
}

function tooLarge(limit: number): DomainError {
  return new DomainError(
    'too-large',
    'body-too-large',
    `Request body is larger than the limit of ${limit} bytes.`,
  );
}

function notWhole(message: string): DomainError {
  return new DomainError('bad-request', 'body-not-whole', message);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** No database keeps half of a surrogate pair, nor PostgreSQL a NUL: what was written would not be what is read. */
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000');
}

/** @throws DomainError bad-request for bytes that are no JSON text, or hold text that no database can keep. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes), (key, value: unknown) => {
      if (!isStorable(key) || (typeof value === 'string' && !isStorable(value)))
        throw new SyntaxError('a NUL character, or half of a surrogate pair');
      return key === '__proto__' ? undefined : value;
    });
  } catch (cause) {
    throw new DomainError(
      'bad-request',
      'malformed-json',
      'The server could not comply with the request since it is either malformed or otherwise incorrect: the body is not valid JSON.',
      { cause },
    );
  }
}
