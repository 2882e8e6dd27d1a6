// The key that whoever accepts a transfer must know. It is told once; the row holds a salted hash.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface AuthKey {
  readonly key: string;
  readonly salt: string;
  readonly hash: string;
}

const KEY_BYTES = 16; // shorter keys could be tried out; longer ones are no safer and are typed by people

export function newAuthKey(): AuthKey {
  const key = randomBytes(KEY_BYTES).toString('hex');
  const salt = randomBytes(8).toString('hex');
  return { key, salt, hash: hashOf(salt, key) };
}

const hashOf = (salt: string, key: string): string => createHmac('sha256', salt).update(key).digest('hex');

export function isRightKey(
  row: { readonly key_salt: string; readonly key_hash: string },
  key: string,
): boolean {
  return timingSafeEqual(Buffer.from(hashOf(row.key_salt, key)), Buffer.from(row.key_hash));
}
