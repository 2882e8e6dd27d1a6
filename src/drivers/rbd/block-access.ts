// The content of an image while it is open here: a `qemu-nbd` of its own serves it on a private socket, and ends with the
// connection to it, so that a death of this process leaves none behind. Called by real.ts.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import { NbdConnectionError, NbdError } from '#platform/nbd/errors.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import type { CephCluster, CephUser } from './access.ts';
import { ended, type CephCommands } from './command.ts';

export interface BlockOptions {
  readonly pool: string;
  readonly image: string;
  readonly snapshot: string | undefined;
  readonly mode: 'ro' | 'rw';
  /** Bytes that callers may touch. */
  readonly size: number;
  readonly extents: (signal?: AbortSignal) => AsyncIterable<Extent>;
}

const EXPORT = 'image';
const OPEN_MS = 60_000;
const END_MS = 20_000;

export async function openBlocks(commands: CephCommands, options: BlockOptions): Promise<BlockAccess> {
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'pileus-rbd-'));
  undo.defer(async () => rm(directory, { recursive: true, force: true }));
  const socket = join(directory, 'nbd');
  const child = commands.spawn('qemu-nbd', serverArguments(commands, options, socket), [
    'ignore',
    'ignore',
    'pipe',
  ]);
  const end = ended(child, `access to ${options.pool}/${options.image}`);
  end.catch(() => undefined); // awaited where it matters
  undo.defer(async () => {
    // It closes the image when its only client has gone.
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    await end.catch(() => undefined);
    clearTimeout(timer);
  });
  const giveUp = new AbortController();
  // It ends before it serves when the image cannot be opened: `ended` then says why.
  end.then(
    () => giveUp.abort(),
    (error: unknown) => giveUp.abort(error),
  );
  const client = await connect(socket, giveUp.signal).catch((error: unknown) => {
    // SIGTERM is forgotten while it opens the image.
    child.kill('SIGKILL');
    throw giveUp.signal.aborted ? giveUp.signal.reason : error;
  });
  undo.defer(async () => client.close());
  return blocksOf(client, options, undo.move());
}

/** The socket is there a moment before anybody listens, and the one connection that is made ends the server when it ends. */
async function connect(socket: string, signal: AbortSignal): Promise<NbdClient> {
  let client: NbdClient | undefined;
  await waitUntil(
    async () => {
      if (!existsSync(socket)) return false;
      const options = { address: { path: socket }, exportName: EXPORT, connectTimeoutMs: OPEN_MS };
      client = await NbdClient.connect(options).catch((error: unknown) => {
        if (error instanceof NbdConnectionError && error.code === 'refused') return undefined;
        throw error;
      });
      return client !== undefined;
    },
    { what: 'access to an image', deadlineMs: OPEN_MS, signal },
  );
  return client!; // waited for
}

function serverArguments({ cluster, user }: CephCommands, options: BlockOptions, socket: string): string[] {
  const readOnly = options.mode === 'ro' ? ['--read-only'] : ['--discard=unmap', '--detect-zeroes=off'];
  const source = ['--image-opts', rbdOptions(cluster, user, options)];
  return ['--socket', socket, '--export-name', EXPORT, ...readOnly, ...source];
}

/** How programs of QEMU are told of an image. */
export function rbdOptions(
  { confFile }: CephCluster,
  user: CephUser,
  {
    pool,
    image,
    snapshot,
  }: { readonly pool: string; readonly image: string; readonly snapshot?: string | undefined },
): string {
  const source = {
    driver: 'raw',
    'file.driver': 'rbd',
    'file.conf': confFile,
    'file.user': user,
    'file.pool': pool,
    'file.image': image,
    ...(snapshot === undefined ? {} : { 'file.snapshot': snapshot }),
  };
  return Object.entries(source)
    .map(([key, value]) => `${key}=${value.replaceAll(',', ',,')}`)
    .join(',');
}

function blocksOf(
  client: NbdClient,
  { size, mode, extents }: BlockOptions,
  owned: AsyncDisposableStack,
): BlockAccess {
  const check = (offset: number, length: number, writes: boolean): void => {
    if (writes && mode === 'ro')
      throw new VolumeBackendError('failed', 'the volume is open for reading only');
    if (offset < 0 || length < 0 || offset + length > size)
      throw new VolumeBackendError('failed', `${length} bytes at ${offset} are not within ${size} bytes`);
  };
  const guarded = async <T>(ask: () => Promise<T>): Promise<T> => ask().catch(explained);
  return {
    size,
    read: async (offset, length) => {
      check(offset, length, false);
      return guarded(async () => client.read(offset, length));
    },
    write: async (offset, data) => {
      check(offset, data.length, true);
      await guarded(async () => client.write(offset, data));
    },
    zero: async (offset, length) => {
      check(offset, length, true);
      await guarded(async () => client.writeZeroes(offset, length));
    },
    flush: async () => guarded(async () => client.flush()),
    extents,
    [Symbol.asyncDispose]: async () => {
      if (owned.disposed) return;
      if (mode === 'rw') await client.flush().catch(() => undefined); // told by the caller's own flush
      await owned.disposeAsync();
    },
  };
}

function explained(cause: unknown): never {
  if (cause instanceof NbdError) {
    const fault = cause.code === 'ENOSPC' ? 'no-space' : 'failed';
    throw new VolumeBackendError(fault, cause.message, { cause });
  }
  throw new VolumeBackendError('unreachable', 'the cluster does not answer', { cause });
}
