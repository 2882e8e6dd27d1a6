// A storage daemon in a directory of its own, for tests and measurements. It can be killed and started again.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { storageDaemonCommand } from '../command.ts';
import type { NbdAddress } from '#platform/nbd/client.ts';
import { connectStorageDaemon, type StorageDaemon } from '../daemon.ts';

export interface TestDaemon extends AsyncDisposable {
  readonly daemon: StorageDaemon;
  readonly pid: number;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Another connection, for when `daemon` was let go of: the daemon's monitor has only one. */
  reconnect(): StorageDaemon;
}

/** Why there can be no daemon here, or undefined. */
export function whyNoStorageDaemon(): string | undefined {
  return existsSync('/usr/bin/qemu-storage-daemon') ? undefined : 'not installed: qemu-storage-daemon';
}

export async function startTestDaemon(
  directory: string,
  nbd: NbdAddress = { path: join(directory, 'nbd') },
): Promise<TestDaemon> {
  const command = storageDaemonCommand({
    qmpPath: join(directory, 'qmp'),
    nbd,
  });
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    const dying = child;
    child = undefined;
    if (!dying || dying.exitCode !== null || dying.signalCode !== null) return;
    const ended = once(dying, 'exit');
    dying.kill('SIGKILL');
    await ended;
  };
  const start = async (): Promise<void> => {
    await rm(command.qmpPath, { force: true });
    await rm(join(directory, 'nbd'), { force: true });
    const [program, ...args] = command.argv;
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program!, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const deadline = performance.now() + 10_000;
    while (!existsSync(command.qmpPath)) {
      if (performance.now() > deadline) throw new Error('the storage daemon did not start');
      await delay(5);
    }
  };
  await start();
  const daemon = connectStorageDaemon(command);
  return {
    daemon,
    get pid() {
      return child?.pid ?? 0;
    },
    kill,
    start,
    reconnect: () => connectStorageDaemon(command),
    [Symbol.asyncDispose]: async () => {
      await daemon[Symbol.asyncDispose]();
      await kill();
    },
  };
}
