// The LUKS 1 header, by the on-disk format's specification: where the payload begins, how it is encrypted, and eight slots of
// which each may hold the volume key, locked with a passphrase. QEMU opens what this writes, and the other way round.
// Pure but for randomness. Called by volume.ts.
import { pbkdf2, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import { mergeKey, splitKey, STRIPES } from './key-split.ts';
import { decryptSectors, encryptSectors, SECTOR } from './sectors.ts';

/** Bytes before the payload: what cryptsetup leaves too, and what a guest's disk is smaller by. */
export const LUKS_PAYLOAD_OFFSET = 2 ** 21;
export const HEADER_BYTES = 4096;

/** The least that the format's readers take: passphrases here are 256 random bits, which stretching makes no stronger. */
const ITERATIONS = 1000;
const MOST_ITERATIONS = 20_000_000; // as QEMU makes them in seconds; more would only keep a service busy
const MAGIC = Buffer.from('LUKS\xba\xbe', 'latin1');
const SLOTS = 8;
const SLOT_ACTIVE = 0x00ac71f3;
const SLOT_FREE = 0x0000dead;
const MAX_PAYLOAD_SECTORS = 2 ** 17; // 64 MiB: no tool leaves more

export interface KeySlot {
  readonly active: boolean;
  readonly iterations: number;
  readonly salt: Buffer;
  /** Bytes from the start of the volume. */
  readonly offset: number;
}

export interface LuksHeader {
  /** Bytes of the volume key: 32 or 64. */
  readonly keyBytes: number;
  readonly payloadOffset: number;
  readonly digest: Buffer;
  readonly digestSalt: Buffer;
  readonly digestIterations: number;
  readonly uuid: string;
  readonly slots: readonly KeySlot[];
}

const derive = promisify(pbkdf2);

/** Where a slot's key material ends is no sector of another's. */
const slotBytes = (keyBytes: number): number => Math.ceil((keyBytes * STRIPES) / 4096) * 4096;
export const materialBytes = (keyBytes: number): number => Math.ceil((keyBytes * STRIPES) / SECTOR) * SECTOR;

export async function newHeader(volumeKey: Buffer): Promise<LuksHeader> {
  const digestSalt = randomBytes(32);
  return {
    keyBytes: volumeKey.length,
    payloadOffset: LUKS_PAYLOAD_OFFSET,
    digest: await derive(volumeKey, digestSalt, ITERATIONS, 20, 'sha256'),
    digestSalt,
    digestIterations: ITERATIONS,
    uuid: randomUUID(),
    slots: Array.from({ length: SLOTS }, (_, index) => ({
      active: false,
      iterations: 0,
      salt: Buffer.alloc(32),
      offset: HEADER_BYTES + index * slotBytes(volumeKey.length),
    })),
  };
}

/** The volume key under a passphrase, for the slot with this index: the header then has it alone. */
export async function lockIn(
  header: LuksHeader,
  index: number,
  { volumeKey, passphrase }: { readonly volumeKey: Buffer; readonly passphrase: Buffer },
): Promise<{ header: LuksHeader; material: Buffer }> {
  const salt = randomBytes(32);
  const slotKey = await derive(passphrase, salt, ITERATIONS, header.keyBytes, 'sha256');
  const split = Buffer.alloc(materialBytes(header.keyBytes));
  splitKey(volumeKey).copy(split);
  const slots = header.slots.map((slot, at) =>
    at === index ? { ...slot, active: true, iterations: ITERATIONS, salt } : { ...slot, active: false },
  );
  return { header: { ...header, slots }, material: encryptSectors(slotKey, 0, split) };
}

/** @returns the volume key; undefined when the passphrase is not this slot's */
export async function unlock(
  header: LuksHeader,
  slot: KeySlot,
  { material, passphrase }: { readonly material: Buffer; readonly passphrase: Buffer },
): Promise<Buffer | undefined> {
  const { keyBytes, digest, digestSalt, digestIterations } = header;
  const slotKey = await derive(passphrase, slot.salt, slot.iterations, keyBytes, 'sha256');
  const volumeKey = mergeKey(decryptSectors(slotKey, 0, material), keyBytes);
  const found = await derive(volumeKey, digestSalt, digestIterations, 20, 'sha256');
  return timingSafeEqual(found, digest) ? volumeKey : undefined;
}

export function writeHeader(header: LuksHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt16BE(1, 6);
  bytes.write('aes', 8, 'latin1');
  bytes.write('xts-plain64', 40, 'latin1');
  bytes.write('sha256', 72, 'latin1');
  bytes.writeUInt32BE(header.payloadOffset / SECTOR, 104);
  bytes.writeUInt32BE(header.keyBytes, 108);
  header.digest.copy(bytes, 112);
  header.digestSalt.copy(bytes, 132);
  bytes.writeUInt32BE(header.digestIterations, 164);
  bytes.write(header.uuid, 168, 'latin1');
  for (const [index, slot] of header.slots.entries()) {
    const at = 208 + index * 48;
    bytes.writeUInt32BE(slot.active ? SLOT_ACTIVE : SLOT_FREE, at);
    bytes.writeUInt32BE(slot.active ? slot.iterations : 0, at + 4);
    if (slot.active) slot.salt.copy(bytes, at + 8);
    bytes.writeUInt32BE(slot.offset / SECTOR, at + 40);
    bytes.writeUInt32BE(STRIPES, at + 44);
  }
  return bytes;
}

/**
 * Whoever had the volume attached may have written anything here: every number is checked before it is used.
 * @returns undefined where no LUKS header is that this understands
 */
export function readHeader(bytes: Buffer): LuksHeader | undefined {
  const text = (at: number, length: number): string =>
    bytes.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  if (!bytes.subarray(0, 6).equals(MAGIC) || bytes.readUInt16BE(6) !== 1) return undefined;
  if (text(8, 32) !== 'aes' || text(40, 32) !== 'xts-plain64' || text(72, 32) !== 'sha256') return undefined;
  const keyBytes = bytes.readUInt32BE(108);
  const payloadSectors = bytes.readUInt32BE(104);
  const digestIterations = bytes.readUInt32BE(164);
  if (keyBytes !== 32 && keyBytes !== 64) return undefined;
  if (payloadSectors > MAX_PAYLOAD_SECTORS || !isIterations(digestIterations)) return undefined;
  const slots = Array.from({ length: SLOTS }, (_, index): KeySlot => {
    const at = 208 + index * 48;
    return {
      active: bytes.readUInt32BE(at) === SLOT_ACTIVE,
      iterations: bytes.readUInt32BE(at + 4),
      salt: Buffer.from(bytes.subarray(at + 8, at + 40)),
      offset: bytes.readUInt32BE(at + 40) * SECTOR,
    };
  });
  const end = payloadSectors * SECTOR;
  const fits = (slot: KeySlot): boolean =>
    slot.offset >= HEADER_BYTES &&
    slot.offset + materialBytes(keyBytes) <= end &&
    (!slot.active || isIterations(slot.iterations));
  if (!slots.every(fits)) return undefined;
  return {
    keyBytes,
    payloadOffset: end,
    digest: Buffer.from(bytes.subarray(112, 132)),
    digestSalt: Buffer.from(bytes.subarray(132, 164)),
    digestIterations,
    uuid: text(168, 40),
    slots,
  };
}

const isIterations = (count: number): boolean => count > 0 && count <= MOST_ITERATIONS;

/** The passphrase opens nothing, or there is nothing to open. */
export const locked = (why: string): VolumeBackendError => new VolumeBackendError('failed', why);
