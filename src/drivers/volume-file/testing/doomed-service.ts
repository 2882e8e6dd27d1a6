// A volume service that works on one volume until it is killed, for crash.test.ts: a process of its own. It says on its
// standard output, a line each, what it begins and what is done.
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { connectStorageDaemon } from '#drivers/storage-daemon/daemon.ts';
import { NbdClient } from '#platform/nbd/client.ts';
import { createFileVolumeDriver } from '../driver.ts';

export type Operation =
  | { readonly kind: 'write'; readonly block: number }
  | { readonly kind: 'snapshot'; readonly id: string; readonly blocks: number }
  | {
      readonly kind: 'clone';
      readonly id: string;
      readonly snapshotId: string | undefined;
      readonly blocks: number;
    }
  | { readonly kind: 'delete-snapshot'; readonly id: string }
  | { readonly kind: 'delete-clone'; readonly id: string };

export interface Said {
  readonly done: boolean;
  readonly operation: Operation;
}

/** What is there when it starts. */
export interface Task {
  readonly directory: string;
  readonly volumeId: string;
  readonly blocks: number;
  /** Id → blocks that it holds. */
  readonly snapshots: Readonly<Record<string, number>>;
  readonly clones: readonly string[];
}

export const BLOCK = 4096;
/** Blocks lie apart, so that each is in a cluster of its own. */
export const offsetOf = (block: number): number => block * 2 ** 17;
export const contentOf = (block: number): Buffer => Buffer.alloc(BLOCK, (block % 251) + 1);

async function work({ directory, volumeId, blocks, snapshots, clones }: Task): Promise<never> {
  const nbd = { path: join(directory, 'nbd') };
  const daemon = connectStorageDaemon({ qmpPath: join(directory, 'qmp'), nbd });
  const driver = await createFileVolumeDriver({ directory, daemon });
  const attachment = { attachmentId: 'a1', connector: { host: 'h1' }, mode: 'rw' } as const;
  await driver.restoreConnections([{ volumeId, ...attachment }]);
  const guest = await NbdClient.connect({ address: nbd, exportName: `volume-${volumeId}-rw` });
  const held = new Map(Object.entries(snapshots));
  const made = [...clones];
  const run = async (operation: Operation, act: () => Promise<unknown>): Promise<void> => {
    say({ done: false, operation });
    await act();
    say({ done: true, operation });
  };
  for (let block = blocks, turn = 0; ; turn++) {
    for (const end = block + 3; block < end; block++)
      await run({ kind: 'write', block }, () => guest.write(offsetOf(block), contentOf(block)));
    const [oldest] = held.keys();
    if (held.size > 3 && oldest !== undefined) {
      held.delete(oldest);
      await run({ kind: 'delete-snapshot', id: oldest }, () => driver.deleteSnapshot(volumeId, oldest));
    } else if (made.length > 2) {
      const id = made.shift()!;
      await run({ kind: 'delete-clone', id }, () => driver.deleteVolume(id));
    } else if (turn % 3 === 1) {
      const id = randomUUID();
      const [snapshotId, snapshotBlocks] = turn % 2 === 0 ? ([...held].at(-1) ?? []) : [];
      const source = snapshotId
        ? ({ kind: 'snapshot', volumeId, snapshotId } as const)
        : ({ kind: 'volume', volumeId } as const);
      made.push(id);
      const operation = { kind: 'clone', id, snapshotId, blocks: snapshotBlocks ?? block } as const;
      await run(operation, () => driver.createVolume(id, 1, source));
    } else {
      const id = randomUUID();
      await run({ kind: 'snapshot', id, blocks: block }, () => driver.createSnapshot(volumeId, id));
      held.set(id, block);
    }
  }
}

/** At once, so that nothing said is lost with the process. */
function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`);
}

if (import.meta.main) await work(JSON.parse(process.argv[2] ?? '{}') as Task);
