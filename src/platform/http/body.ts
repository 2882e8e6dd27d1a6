// Reads request bodies with a limit, and parses JSON without letting it reach prototypes.
import type { Readable } from 'node:stream';
import { DomainError } from '#platform/errors/domain-error.ts';

/** @throws DomainError too-large */
export async function readBody(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit)
      throw new DomainError(
        'too-large',
        'body-too-large',
        `Request body is larger than the limit of ${limit} bytes.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws DomainError bad-request for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  } catch (cause) {
    throw new DomainError(
      'bad-request',
      'malformed-json',
      'The server could not comply with the request since it is either malformed or otherwise incorrect: the body is not valid JSON.',
      { cause },
    );
  }
}
