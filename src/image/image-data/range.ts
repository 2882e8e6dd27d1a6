// The Range header of a download, RFC 9110 section 14: one range of bytes. Pure.
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
  if (start > end) {
    throw new DomainError(
      'range-not-satisfiable',
      'range-not-satisfiable',
      `The range ${header?.trim()} is outside of the ${size} bytes of the image.`,
      { fields: { size } },
    );
  }
  return { start, end };
}
