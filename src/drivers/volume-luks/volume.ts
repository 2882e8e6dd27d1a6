// An encrypted volume over the content of a plain one, of any backend: below are a LUKS header and ciphertext alone, which
// QEMU on a hypervisor opens with the same passphrase. Called by the volume service where it makes, fills or copies one.
import { randomBytes } from 'node:crypto';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';
import {
  HEADER_BYTES,
  lockIn,
  locked,
  LUKS_PAYLOAD_OFFSET,
  materialBytes,
  newHeader,
  readHeader,
  unlock,
  writeHeader,
  type LuksHeader,
} from './header.ts';
import { decryptSectors, encryptSectors, SECTOR } from './sectors.ts';

/** Of AES: an XTS key has twice as many. */
export type KeyBits = 128 | 256;

interface Opened {
  readonly header: LuksHeader;
  readonly volumeKey: Buffer;
  /** Index of the slot that the passphrase opened. */
  readonly slot: number;
}

/** What a guest sees of a volume of `bytes`. */
export const payloadSize = (bytes: number): number => bytes - LUKS_PAYLOAD_OFFSET;

/** Makes an empty encrypted volume. One that the passphrase opens already stays as it is, so that this may be repeated. */
export async function formatLuks(access: BlockAccess, passphrase: Buffer, keyBits: KeyBits): Promise<void> {
  if (await tryOpen(access, passphrase)) return;
  const volumeKey = randomBytes(keyBits / 4);
  await putKey(access, await newHeader(volumeKey), 0, { volumeKey, passphrase });
}

/**
 * Locks the volume with another passphrase; the old one opens it no longer. The volume key, and with it the data, stays.
 * Done already is no error, so that this may be repeated. @throws VolumeBackendError when neither opens it
 */
export async function changePassphrase(access: BlockAccess, from: Buffer, to: Buffer): Promise<void> {
  if (await tryOpen(access, to)) return;
  const opened = await open(access, from);
  const { header, volumeKey, slot } = opened;
  const free = (slot + 1) % header.slots.length;
  await putKey(access, header, free, { volumeKey, passphrase: to });
  // What the old passphrase opened must not be there to be found.
  await access.write(header.slots[slot]!.offset, randomBytes(materialBytes(header.keyBytes))); // it opened a slot
  await access.flush();
}

/** The content in the clear, read and written by whole sectors; closing it closes `access`. @throws VolumeBackendError when the passphrase does not open it */
export async function openLuks(access: BlockAccess, passphrase: Buffer): Promise<BlockAccess> {
  const { header, volumeKey } = await open(access, passphrase);
  return payloadOf(access, header.payloadOffset, volumeKey);
}

async function open(access: BlockAccess, passphrase: Buffer): Promise<Opened> {
  const opened = await tryOpen(access, passphrase);
  if (!opened) throw locked('the volume is not one that its encryption key opens');
  return opened;
}

async function tryOpen(access: BlockAccess, passphrase: Buffer): Promise<Opened | undefined> {
  const header = readHeader(await access.read(0, HEADER_BYTES));
  if (!header) return undefined;
  for (const [index, slot] of header.slots.entries()) {
    if (!slot.active) continue;
    const material = await access.read(slot.offset, materialBytes(header.keyBytes));
    const volumeKey = await unlock(header, slot, { material, passphrase });
    if (volumeKey) return { header, volumeKey, slot: index };
  }
  return undefined;
}

/** The material first: a header that names it must find it, wherever a crash comes. */
async function putKey(
  access: BlockAccess,
  header: LuksHeader,
  slot: number,
  keys: { readonly volumeKey: Buffer; readonly passphrase: Buffer },
): Promise<void> {
  const locks = await lockIn(header, slot, keys);
  await access.write(locks.header.slots[slot]!.offset, locks.material); // one of its slots
  await access.flush();
  await access.write(0, writeHeader(locks.header));
  await access.flush();
}

const CHUNK = 2 ** 20; // larger: others wait longer for the process; smaller: more requests to the backend

function payloadOf(access: BlockAccess, start: number, key: Buffer): BlockAccess {
  const size = access.size - start;
  const check = (offset: number, length: number): void => {
    if (offset % SECTOR !== 0 || length % SECTOR !== 0)
      throw locked(`${length} bytes at ${offset} are no whole sectors`);
    if (offset < 0 || length < 0 || offset + length > size)
      throw locked(`${length} bytes at ${offset} are not within ${size} bytes`);
  };
  const write = async (offset: number, data: Buffer): Promise<void> => {
    check(offset, data.length);
    await access.write(start + offset, encryptSectors(key, offset / SECTOR, data));
  };
  return {
    size,
    read: async (offset, length) => {
      check(offset, length);
      return decryptSectors(key, offset / SECTOR, await access.read(start + offset, length));
    },
    write,
    // Zeros must read as zeros: they take as much space as anything else.
    zero: async (offset, length) => {
      check(offset, length);
      for (let at = 0; at < length; at += CHUNK)
        await write(offset + at, Buffer.alloc(Math.min(CHUNK, length - at)));
    },
    flush: async () => access.flush(),
    extents: (signal) => extentsOf(access, start, signal),
    [Symbol.asyncDispose]: async () => access[Symbol.asyncDispose](),
  };
}

/** Where nothing was ever written there is no data, though what is read there is noise rather than zeros. */
async function* extentsOf(access: BlockAccess, start: number, signal?: AbortSignal): AsyncGenerator<Extent> {
  for await (const { offset, length, data } of access.extents(signal)) {
    const from = Math.max(offset, start);
    const end = offset + length;
    if (end > from) yield { offset: from - start, length: end - from, data };
  }
}
