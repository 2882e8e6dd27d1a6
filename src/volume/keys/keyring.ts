// What keys of volumes are locked away with: one master key in a file of the service's own directory, made when the first key
// is. A wrapped key opens with that file, under its own id, and nowhere else.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeDeps } from '#volume/deps.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a volume's encryption is opened with: text, as hypervisors take it. */
export type Passphrase = Buffer;

/** 256 random bits, so that no stretching has to make it stronger. */
export const newPassphrase = (): Passphrase => Buffer.from(randomBytes(32).toString('hex'), 'latin1');

export interface Keyring {
  wrap(id: string, passphrase: Passphrase): string;
  /** @throws Error for what another master key wrapped, or another id */
  unwrap(id: string, wrapped: string): Passphrase;
}

export const masterKeyPath = ({ dataDir }: Pick<VolumeDeps, 'dataDir'>): string =>
  join(dataDir, 'encryption', 'master-key');

export async function openKeyring(deps: Pick<VolumeDeps, 'dataDir'>): Promise<Keyring> {
  const path = masterKeyPath(deps);
  const master = (await read(path)) ?? (await make(deps, path));
  return {
    wrap: (id, passphrase) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, master, nonce).setAAD(Buffer.from(id));
      const sealed = Buffer.concat([cipher.update(passphrase), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64');
    },
    unwrap: (id, wrapped) => {
      const bytes = Buffer.from(wrapped, 'base64');
      const tagEnd = NONCE_BYTES + TAG_BYTES;
      const decipher = createDecipheriv(CIPHER, master, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(id))
        .setAuthTag(bytes.subarray(NONCE_BYTES, tagEnd));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]);
      } catch (cause) {
        throw new Error(`the master key does not open the encryption key ${id}`, { cause });
      }
    },
  };
}

async function read(path: string): Promise<Buffer | undefined> {
  const master = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (master && master.length !== KEY_BYTES) throw new Error(`the master key in ${path} is damaged`);
  return master;
}

/** Of several who begin at once one is first; the file is whole and on the disk before it has its name. */
async function make({ dataDir }: Pick<VolumeDeps, 'dataDir'>, path: string): Promise<Buffer> {
  const directory = join(dataDir, 'encryption');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    {
      await using file = await open(draft, 'wx', 0o600);
      await file.writeFile(randomBytes(KEY_BYTES));
      await file.sync();
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await using names = await open(directory, 'r');
    await names.sync();
  } finally {
    await rm(draft, { force: true });
  }
  const master = await read(path);
  if (!master) throw new Error(`the master key in ${path} went away`);
  return master;
}
