// The range that a download asks for, one of bytes: by the Range header of RFC 9110, or as older clients did. Pure.
import { DomainError } from '#platform/errors/domain-error.ts';

/** Both ends inclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Undefined for none, or for what is to be ignored: another unit, several ranges. @throws DomainError 416 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [, first = '', last = ''] = match;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined; // invalid: as if it was not there
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start > end) throw outside(header?.trim() ?? '', size);
  return { start, end };
}

/**
 * `Content-Range: bytes 0-9/*` in a request: no client should ask so, but upstream still answers those that do.
 * @throws DomainError 416, also for what is malformed
 */
export function parseContentRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\*|\d{1,15})$/.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (!match || start > end || start >= size || (match[3] === '*' && end >= size))
    throw outside(header.trim().slice(0, 100), size);
  return { start, end: Math.min(end, size - 1) };
}

function outside(range: string, size: number): DomainError {
  return new DomainError(
    'range-not-satisfiable',
    'range-not-satisfiable',
    `The range ${range} is outside of the ${size} bytes of the image.`,
    { fields: { size } },
  );
}
