// A private libvirtd in a network namespace of its own, for tests and measurements; all of it ends on dispose.
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, openSync, closeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { privateLibvirtd } from '../private-daemon.ts';
import type { LibvirtdTuning } from '../private-daemon.ts';

const run = promisify(execFile);
const START_DEADLINE_MS = 30_000;
const PROBED = 'd/cache/qemu/capabilities';
const PROGRAMS = ['libvirtd', 'qemu-system-x86_64', 'tini', 'unshare', 'setpriv', 'ip'];

/** Why the real thing cannot run here, or undefined if it can. */
export function whyNoLibvirt(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

function isInstalled(program: string): boolean {
  return ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((dir) => {
    try {
      accessSync(path.join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface TestHost extends AsyncDisposable {
  readonly dir: string;
  readonly socketPath: string;
  readonly netns: string;
  /** A persistent tap in the host's namespace. */
  addTap(name: string): Promise<void>;
  /** Kills libvirtd with everything it runs, and starts it anew. */
  restart(): Promise<void>;
}

export interface TestHostOptions {
  readonly tuning?: LibvirtdTuning;
  /** Below the host's directory: where the test runs an ovsdb-server for this host. */
  readonly ovsRundir?: string;
  /** Another one on this machine that has asked QEMU what it can do, which takes seconds. */
  readonly beside?: TestHost;
}

export async function startTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  const dir = await mkdtemp(path.join(tmpdir(), 'plv-'));
  const netns = path.basename(dir);
  await run('ip', ['netns', 'add', netns]);
  const daemon = privateLibvirtd({
    dir: path.join(dir, 'd'),
    hostname: options.beside ? 'test-host-2' : 'test-host',
    hostUuid: randomUUID(),
    netns,
    ...(options.beside && { capabilitiesDir: path.join(options.beside.dir, PROBED) }),
    ...(options.tuning && { tuning: options.tuning }),
    ...(options.ovsRundir !== undefined && { ovsRundir: path.join(dir, options.ovsRundir) }),
  });
  let stop = async (): Promise<void> => undefined;
  const start = async (): Promise<void> => {
    await daemon.prepare();
    stop = startProcess(daemon.command, daemon.args, path.join(dir, 'out.log'));
    await waitUntilReady(daemon.socketPath);
  };
  const host: TestHost = {
    dir,
    socketPath: daemon.socketPath,
    netns,
    addTap: async (name) => {
      await run('ip', ['-n', netns, 'tuntap', 'add', 'dev', name, 'mode', 'tap']);
      await run('ip', ['-n', netns, 'link', 'set', name, 'up']);
    },
    restart: async () => {
      await stop();
      await start();
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      await run('ip', ['netns', 'del', netns]);
      await rm(dir, { recursive: true, force: true });
    },
  };
  try {
    await start();
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

function startProcess(command: string, args: readonly string[], logPath: string): () => Promise<void> {
  const log = openSync(logPath, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

async function waitUntilReady(socketPath: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  for (;;) {
    try {
      await using client = await LibvirtClient.connect({ address: { path: socketPath } });
      void client;
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(20);
    }
  }
}
