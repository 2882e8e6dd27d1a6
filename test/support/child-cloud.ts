// A cloud in a process of its own, as `pileus up` runs it, so that it can be killed. Used by the tests of faults.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { down } from '#cloud/down.ts';
import { apiSession, type ApiSession } from './api-session.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READY_MS = 120_000; // emulated guests of other tests may have the processors

export interface ChildCloud extends AsyncDisposable {
  readonly dataPath: string;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<void>;
  session(cloud?: 'pileus' | 'pileus-admin'): Promise<ApiSession>;
  /** Tells die-at-write.ts to count from now on. */
  arm(): Promise<void>;
}

export interface ChildOptions {
  readonly dataPath: string;
  readonly listen: string;
  readonly simulated?: boolean;
  readonly hosts?: number;
  /** Where die-at-write.ts kills it. */
  readonly die?: { readonly at: number; readonly when: 'before' | 'after'; readonly of?: 'saga' | 'all' };
  readonly env?: Readonly<Record<string, string>>;
}

export async function freeListen(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

/** Resolves when the cloud is ready. @throws Error with what it said */
export async function startChildCloud(options: ChildOptions): Promise<ChildCloud> {
  const { dataPath, listen, die } = options;
  const hook = pathToFileURL(join(ROOT, 'test/faults/die-at-write.ts')).href;
  const child = spawn(
    process.execPath,
    [
      ...(die ? ['--import', hook] : []),
      join(ROOT, 'bin/pileus.ts'),
      'up',
      '--data',
      dataPath,
      '--listen',
      listen,
      ...(options.simulated ? ['--simulated'] : []),
      ...(options.hosts ? ['--hosts', String(options.hosts)] : []),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/pileus-compile'),
        ...(die ? { DIE_AT: String(die.at), DIE_WHEN: die.when, DIE_OF: die.of ?? 'saga' } : {}),
        ...options.env,
      },
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-10_000)));
  const ended = once(child, 'exit').then(() => undefined);
  const cloud: ChildCloud = {
    dataPath,
    child,
    ended,
    session: async (name = 'pileus') => apiSession(dataPath, name),
    arm: async () => {
      const armed = message(child, 'armed');
      child.kill('SIGUSR2');
      await armed;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await ended;
      }
    },
  };
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  try {
    await Promise.race([
      message(child, 'ready'),
      ended.then(() => {
        throw new Error(`the cloud did not come up:\n${said}`);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
  return cloud;
}

async function message(child: ChildProcess, key: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const listener = (told: unknown): void => {
      if (typeof told !== 'object' || told === null || !(key in told)) return;
      child.off('message', listener);
      resolve();
    };
    child.on('message', listener);
  });
}

/** Ends what a killed cloud left on the machine. */
export async function sweep(dataPath: string): Promise<void> {
  await down(dataPath, 20_000);
}
