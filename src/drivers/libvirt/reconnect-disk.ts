// Has QEMU notice that an NBD server dropped its connection, so that it connects anew and learns the export's size: an idle
// client looks at its socket with its next request only. Called by real.ts before a resize.
import type { DomainDisk } from './domain-reading.ts';

type Monitor = (command: object) => Promise<unknown>;

interface QueriedBlock {
  readonly qdev?: string;
}

/** Reads one sector of the disk, whatever the guest does. */
export async function reconnectDisk(disk: DomainDisk, monitor: Monitor): Promise<void> {
  const blocks = (await monitor({ execute: 'query-block' })) as readonly QueriedBlock[];
  const device = blocks.find(({ qdev }) => disk.alias !== undefined && qdev?.split('/').includes(disk.alias));
  if (device?.qdev === undefined) return;
  const line = `qemu-io -d ${device.qdev} "read 0 512"`;
  await monitor({ execute: 'human-monitor-command', arguments: { 'command-line': line } });
}
