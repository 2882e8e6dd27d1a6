// What libvirt (9.0) has no words for in disks from NBD servers, said to the guest's QEMU itself: that requests wait for a
// server that went away instead of failing, and that a disk which nobody reads should look whether it has grown.
// Called by real.ts.
import { randomBytes } from 'node:crypto';
import type { DomainDisk } from './domain-reading.ts';
import { HypervisorError } from './errors.ts';

export type Monitor = (command: string, args?: object) => Promise<unknown>;

interface QueriedBlock {
  readonly qdev?: string;
  readonly inserted?: {
    readonly 'node-name': string;
    readonly ro: boolean;
    readonly cache: { readonly direct: boolean; readonly 'no-flush': boolean };
    readonly image: {
      readonly 'format-specific'?: {
        readonly type: string;
        readonly data: { readonly 'payload-offset'?: number };
      };
    };
  };
}

/** libvirt's names for the two nodes of a disk: the format, here `raw`, over the storage. */
const FORMAT = /^(libvirt-\d+)-format$/;

/**
 * Puts an NBD client with a reconnect delay in the place of libvirt's own below the disk, under the same name, so that
 * libvirt removes it with the disk. Requests of the guest wait for each of the two changes, and see the same data all along.
 */
export async function waitForServer(disk: DomainDisk, reconnectMs: number, monitor: Monitor): Promise<void> {
  const { nbd } = disk;
  const inserted = (await findBlock(disk, monitor))?.inserted;
  const format = inserted?.['node-name'] ?? '';
  const [, name] = FORMAT.exec(format) ?? [];
  if (!nbd || !inserted || name === undefined)
    throw new HypervisorError('no-device', `there is no NBD disk ${disk.target}`);
  const { ro, cache } = inserted;
  const opened = disk.encrypted ? await luksOptions(format, monitor) : { driver: 'raw' };
  const common = {
    'read-only': ro,
    discard: disk.discard ? 'unmap' : 'ignore',
    cache: { direct: cache.direct, 'no-flush': cache['no-flush'] },
  };
  const connect = async (node: string): Promise<void> => {
    await monitor('blockdev-add', {
      ...common,
      driver: 'nbd',
      'node-name': node,
      server: nbd.server,
      export: nbd.exportName,
      'reconnect-delay': Math.ceil(reconnectMs / 1000),
    });
    const options = [{ ...common, ...opened, 'node-name': format, file: node }];
    await monitor('blockdev-reopen', { options });
  };
  const forget = async (node: string): Promise<unknown> => monitor('blockdev-del', { 'node-name': node });
  // At most 31 characters.
  const between = `pileus-${randomBytes(6).toString('hex')}`;
  await connect(between);
  await forget(`${name}-storage`);
  await connect(`${name}-storage`);
  await forget(between);
}

/** QEMU keeps what opens the disk in an object of its own, which libvirt names after the node. */
async function luksOptions(format: string, monitor: Monitor): Promise<object> {
  const objects = (await monitor('qom-list', { path: '/objects' })) as ReadonlyArray<{ name: string }>;
  const secret = objects.find(({ name }) => name.startsWith(`${format}-`) && name.includes('secret'));
  if (!secret) throw new HypervisorError('failed', `QEMU has no secret of ${format}`);
  return { driver: 'luks', 'key-secret': secret.name };
}

/** Bytes at the beginning of an encrypted disk's storage that the guest does not see. */
export async function headerBytes(disk: DomainDisk, monitor: Monitor): Promise<number> {
  if (!disk.encrypted) return 0;
  const specific = (await findBlock(disk, monitor))?.inserted?.image['format-specific'];
  const offset = specific?.type === 'luks' ? specific.data['payload-offset'] : undefined;
  if (offset === undefined) throw new HypervisorError('failed', `disk ${disk.target} has no LUKS header`);
  return offset;
}

/** Reads one sector of the disk, whatever the guest does: an idle client notices only then that it has to connect anew. */
export async function reconnectDisk(disk: DomainDisk, monitor: Monitor): Promise<void> {
  const qdev = (await findBlock(disk, monitor))?.qdev;
  if (qdev === undefined) return;
  await monitor('human-monitor-command', { 'command-line': `qemu-io -d ${qdev} "read 0 512"` });
}

/**
 * Shows the guest's QEMU all of a disk's storage, of which libvirt's words for the copy that filled it showed a part. libvirt
 * goes by those again when it restores the server's memory.
 */
export async function showWhole(disk: DomainDisk, monitor: Monitor): Promise<void> {
  const inserted = (await findBlock(disk, monitor))?.inserted;
  const format = inserted?.['node-name'] ?? '';
  const [, name] = FORMAT.exec(format) ?? [];
  if (!inserted || name === undefined)
    throw new HypervisorError('no-device', `there is no disk ${disk.target}`);
  const { ro, cache } = inserted;
  const whole = {
    driver: 'raw',
    'node-name': format,
    file: `${name}-storage`,
    'read-only': ro,
    discard: disk.discard ? 'unmap' : 'ignore',
    cache: { direct: cache.direct, 'no-flush': cache['no-flush'] },
  };
  await monitor('blockdev-reopen', { options: [whole] });
}

async function findBlock({ alias }: DomainDisk, monitor: Monitor): Promise<QueriedBlock | undefined> {
  const blocks = (await monitor('query-block')) as readonly QueriedBlock[];
  return blocks.find(({ qdev }) => alias !== undefined && qdev?.split('/').includes(alias));
}
