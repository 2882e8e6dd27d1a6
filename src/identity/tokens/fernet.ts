// Fernet, the public specification (https://github.com/fernet/spec): AES-128-CBC under HMAC-SHA256, URL-safe base64.
// The token provider seals tokens with it, and the credentials resource its blobs.
import { createCipheriv, createDecipheriv, createHmac, randomFillSync, timingSafeEqual } from 'node:crypto';

const VERSION = 0x80;
const HEADER_BYTES = 1 + 8 + 16; // version, time, initialisation vector
const MAC_BYTES = 32;
const BLOCK_BYTES = 16;

export interface FernetKey {
  readonly signing: Buffer;
  readonly encryption: Buffer;
}

/** @param text 32 bytes in URL-safe base64, with or without padding. */
export function parseFernetKey(text: string): FernetKey {
  const bytes = Buffer.from(text.trim(), 'base64url');
  if (bytes.length !== 32) throw new Error(`a Fernet key has 32 bytes, not ${bytes.length}`);
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) };
}

// A pool spares one call into the kernel a token; every vector is used once.
const pool = Buffer.alloc(16 * 256);
let poolAt = pool.length;

function newVector(): Buffer {
  if (poolAt >= pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const vector = Buffer.from(pool.subarray(poolAt, poolAt + 16));
  poolAt += 16;
  return vector;
}

/** The token without padding, as it travels in headers. `iv` only for the specification's test vectors. */
export function sealFernet(
  key: FernetKey,
  payload: Uint8Array,
  nowMs: number,
  iv: Buffer = newVector(),
): string {
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv);
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = VERSION;
  header.writeBigUInt64BE(BigInt(Math.floor(nowMs / 1000)), 1);
  iv.copy(header, 9);
  const signed = Buffer.concat([header, cipher.update(payload), cipher.final()]);
  const mac = createHmac('sha256', key.signing).update(signed).digest();
  return Buffer.concat([signed, mac]).toString('base64url');
}

/** The payload, or undefined when no key of `keys` made `token`. Never throws for hostile text. */
export function openFernet(keys: readonly FernetKey[], token: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]+={0,2}$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const body = bytes.length - HEADER_BYTES - MAC_BYTES;
  if (body < BLOCK_BYTES || body % BLOCK_BYTES !== 0 || bytes[0] !== VERSION) return undefined;
  const signed = bytes.subarray(0, -MAC_BYTES);
  const mac = bytes.subarray(-MAC_BYTES);
  for (const key of keys) {
    if (!timingSafeEqual(createHmac('sha256', key.signing).update(signed).digest(), mac)) continue;
    return decrypt(key, bytes.subarray(9, HEADER_BYTES), signed.subarray(HEADER_BYTES));
  }
  return undefined;
}

function decrypt(key: FernetKey, iv: Buffer, text: Buffer): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key.encryption, iv);
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch {
    return undefined; // wrong padding: another program signed it with this key
  }
}
