// Content of a volume or snapshot through an export of its own: what `VolumeDriver.open` gives. Backends that serve their
// volumes by the storage daemon call it.
import { VolumeBackendError } from '#drivers/volume/errors.ts';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';
import { NbdClient, type NbdAddress } from '#platform/nbd/client.ts';
import { NbdError } from '#platform/nbd/errors.ts';
import type { StorageDaemon } from './daemon.ts';

export interface OpenExportOptions {
  readonly daemon: StorageDaemon;
  readonly node: string;
  /** Also the export's name; nobody else must know it. */
  readonly exportId: string;
  readonly mode: 'ro' | 'rw';
  /** Runs when the export is gone. */
  readonly onClosed: () => Promise<void>;
}

export async function openExport(options: OpenExportOptions): Promise<BlockAccess> {
  const { daemon, node, exportId, mode, onClosed } = options;
  const close = async (): Promise<void> => {
    try {
      await daemon.removeExport(exportId);
    } finally {
      await onClosed();
    }
  };
  try {
    const writable = mode === 'rw';
    await daemon.addExport({ id: exportId, node, name: exportId, writable, writethrough: false });
    const client = await NbdClient.connect({ address: daemon.nbd, exportName: exportId }).catch(translate);
    return accessOf(client, mode, close);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Of an export that another service made for us: closing ends the connection alone. @throws VolumeBackendError */
export async function openForeignExport(
  address: NbdAddress,
  exportName: string,
  mode: 'ro' | 'rw',
): Promise<BlockAccess> {
  const client = await NbdClient.connect({ address, exportName }).catch(translate);
  return accessOf(client, mode, async () => undefined);
}

function accessOf(client: NbdClient, mode: 'ro' | 'rw', close: () => Promise<void>): BlockAccess {
  let open = true;
  const writable = (): void => {
    if (mode === 'ro') throw new VolumeBackendError('failed', 'the volume is open for reading only');
  };
  return {
    size: client.size,
    read: async (offset, length) => client.read(offset, length).catch(translate),
    write: async (offset, data) => {
      writable();
      await client.write(offset, data).catch(translate);
    },
    zero: async (offset, length) => {
      writable();
      await client.writeZeroes(offset, length).catch(translate);
    },
    flush: async () => client.flush().catch(translate),
    extents: (signal) => extentsOf(client, signal),
    [Symbol.asyncDispose]: async () => {
      if (!open) return;
      open = false;
      await client.close();
      await close();
    },
  };
}

/** Neighbours of one kind are told as one. */
async function* extentsOf(client: NbdClient, signal?: AbortSignal): AsyncGenerator<Extent> {
  let run: Extent | undefined;
  for (let at = 0; at < client.size;) {
    signal?.throwIfAborted();
    for (const { length, zero } of await client.allocation(at, client.size - at).catch(translate)) {
      const part = Math.min(length, client.size - at);
      if (part <= 0) break;
      if (run && run.data === !zero) run = { ...run, length: run.length + part };
      else {
        if (run) yield run;
        run = { offset: at, length: part, data: !zero };
      }
      at += part;
    }
  }
  if (run) yield run;
}

function translate(cause: unknown): never {
  const said = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof NbdError)
    throw new VolumeBackendError(cause.code === 'ENOSPC' ? 'no-space' : 'failed', said, { cause });
  throw new VolumeBackendError('unreachable', said, { cause });
}
