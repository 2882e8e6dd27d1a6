// How a qemu-storage-daemon of ours is started. A bring-up step, or a test, runs the command.
import type { NbdAddress } from '#platform/nbd/client.ts';

export interface StorageDaemonCommand {
  readonly argv: readonly string[];
  readonly qmpPath: string;
  readonly nbd: NbdAddress;
}

export interface StorageDaemonOptions {
  /** Socket of its monitor: whoever reaches it can read and write every file the daemon can. */
  readonly qmpPath: string;
  /** Where guests reach the exports: a socket on this machine, or an address of the storage network. */
  readonly nbd: NbdAddress;
}

export function storageDaemonCommand({ qmpPath, nbd }: StorageDaemonOptions): StorageDaemonCommand {
  const address =
    'path' in nbd
      ? `addr.type=unix,addr.path=${escaped(nbd.path)}`
      : `addr.type=inet,addr.host=${escaped(nbd.host)},addr.port=${nbd.port}`;
  const argv = [
    'qemu-storage-daemon',
    '--chardev',
    `socket,id=monitor,path=${escaped(qmpPath)},server=on,wait=off`,
    '--monitor',
    'chardev=monitor',
    '--nbd-server',
    address,
  ];
  return { argv, qmpPath, nbd };
}

/** QEMU's options are separated by commas; a doubled one stands for itself. */
const escaped = (value: string): string => value.replaceAll(',', ',,');
