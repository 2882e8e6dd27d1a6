// Puts other storage below a disk of a server that goes on: libvirt's block copy, watched until it has caught up, then made
// the disk. Part of real.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { DomainRef } from '#platform/libvirt/codec.ts';
import { BlockCopyFlag, BlockJobAbortFlag } from '#platform/libvirt/constants.ts';
import type { Procedure } from '#platform/libvirt/procedure.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import { readSourceKey, type DomainDisk } from './domain-reading.ts';
import { copyElement } from './domain-xml.ts';
import { HypervisorError } from './errors.ts';
import type { GuestDisk } from './port.ts';
import { renderXml } from './xml.ts';

/** A copy is looked at so often: libvirt's event that it is ready could be lost. */
const LOOK_MS = 200;

interface DiskOfServer {
  /** Adds which disk of which server. */
  readonly call: <A, R>(
    procedure: Procedure<A & { domain: DomainRef; disk: string }, R>,
    args: A,
  ) => Promise<R>;
  /** The disk as it is now. */
  readonly read: () => Promise<DomainDisk | undefined>;
  /** Its size, when the new storage is larger: QEMU copies only between equals. */
  readonly bytes: number | undefined;
  readonly signal: AbortSignal;
}

export async function replaceDisk(
  serverId: string,
  disk: GuestDisk,
  { call, read, bytes, signal }: DiskOfServer,
): Promise<void> {
  signal.throwIfAborted();
  const xml = renderXml(copyElement(disk, bytes));
  const wanted = readSourceKey(xml);
  const here = async (): Promise<DomainDisk> => {
    const found = await read();
    if (found) return found;
    throw new HypervisorError('no-device', `there is no disk ${disk.target}`, { serverId });
  };
  const before = await here();
  if (before.sourceKey === wanted && before.copy === undefined) return;
  // A copy that is under way is of an earlier call that did not live to see its end.
  if (before.copy === undefined)
    await call(libvirt.domainBlockCopy, { xml, flags: BlockCopyFlag.reuseExternal });
  try {
    for (;;) {
      const { copy } = await here();
      if (copy === 'ready') break;
      if (copy === undefined)
        throw new HypervisorError('failed', `the copy of disk ${disk.target} ended early`, { serverId });
      await delay(LOOK_MS, undefined, { signal });
    }
    await call(libvirt.domainBlockJobAbort, { flags: BlockJobAbortFlag.pivot });
  } catch (error) {
    await call(libvirt.domainBlockJobAbort, { flags: BlockJobAbortFlag.none }).catch(() => undefined); // none may be left
    // The answer to the pivot may be lost, and what it did is done.
    if ((await here()).sourceKey !== wanted) throw error;
  }
}
