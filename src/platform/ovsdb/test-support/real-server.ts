// A private ovsdb-server in its own directory, for contract tests and benchmarks. It can be killed and started again
// on the same database file.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '../model-check.ts';
import type { Tables } from '../model.ts';

const run = promisify(execFile);

export interface RealServer extends AsyncDisposable {
  readonly endpoint: string;
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Why there can be no real server here, or false. */
export function whyNoRealServer(): string | false {
  const path = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];
  const missing = ['ovsdb-server', 'ovsdb-tool'].filter(
    (name) => !path.some((dir) => existsSync(join(dir, name))),
  );
  return missing.length > 0 ? `${missing.join(' and ')} not installed` : false;
}

/** Hosts the tables of a model, or a schema file. */
export async function startRealServer(
  schema: { name: string; tables: Tables } | { file: string },
): Promise<RealServer> {
  const directory = await mkdtemp(join(tmpdir(), 'ovsdb-'));
  const database = join(directory, 'db');
  const file = 'file' in schema ? schema.file : join(directory, 'schema');
  if ('tables' in schema)
    await writeFile(file, JSON.stringify(schemaOf(schema.name, '1.0.0', schema.tables)));
  await run('ovsdb-tool', ['create', database, file]);
  const socket = join(directory, 'sock');
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    child = spawn(
      'ovsdb-server',
      ['--no-chdir', '-vconsole:off', `--unixctl=${directory}/ctl`, `--remote=punix:${socket}`, database],
      { stdio: 'ignore', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', OVS_RUNDIR: directory } },
    );
    await untilAccepting(socket);
  };
  await start();
  return {
    endpoint: `unix:${socket}`,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilAccepting(path: string): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    const socket = connect({ path });
    const accepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (accepted) return;
    if (performance.now() > end) throw new Error(`ovsdb-server does not accept connections on ${path}`);
    await sleep(10);
  }
}
