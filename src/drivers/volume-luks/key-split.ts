// LUKS' anti-forensic splitter: a key blown up to many stripes of which each is needed, so that a key slot which was
// overwritten in part gives nothing away. Called by header.ts.
import { createHash, randomBytes } from 'node:crypto';

export const STRIPES = 4000; // the format's own number; QEMU takes no other

export function splitKey(key: Buffer): Buffer {
  const random = randomBytes(key.length * (STRIPES - 1));
  return Buffer.concat([random, xor(diffusionOf(random, key.length), key)]);
}

export function mergeKey(stripes: Buffer, length: number): Buffer {
  const last = length * (STRIPES - 1);
  return xor(diffusionOf(stripes.subarray(0, last), length), stripes.subarray(last, last + length));
}

function diffusionOf(stripes: Buffer, length: number): Buffer {
  let state: Buffer = Buffer.alloc(length);
  for (let at = 0; at < stripes.length; at += length)
    state = diffuse(xor(state, stripes.subarray(at, at + length)));
  return state;
}

/** Each piece of a digest's length becomes the digest of its number and itself. */
function diffuse(state: Buffer): Buffer {
  const digest = 32; // of SHA-256; both lengths of keys are multiples of it
  const pieces = Array.from({ length: state.length / digest }, (_, index) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    const piece = state.subarray(index * digest, (index + 1) * digest);
    return createHash('sha256').update(number).update(piece).digest();
  });
  return Buffer.concat(pieces);
}

function xor(a: Buffer, b: Buffer): Buffer {
  const result = Buffer.allocUnsafe(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i]! ^ b[i]!; // of one length
  return result;
}
