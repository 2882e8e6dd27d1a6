// A private PostgreSQL for tests: its own directory, a Unix socket, no network; ended and removed when disposed.
// Store tests run on SQLite and on this.
import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const BIN = ['17', '16', '15', '14']
  .map((version) => `/usr/lib/postgresql/${version}/bin`)
  .find((path) => existsSync(join(path, 'postgres')));

/** False where the machine has no PostgreSQL: then tests say that they skip. */
export const hasPostgres = BIN !== undefined;

export interface PrivatePostgres extends AsyncDisposable {
  /** The URL of a new, empty schema. */
  newSchema(): Promise<string>;
}

/** Starts a server of its own in a new directory. PostgreSQL refuses root, so as root it runs as user postgres. */
export async function startPostgres(): Promise<PrivatePostgres> {
  if (!BIN) throw new Error('PostgreSQL is not installed');
  const directory = await mkdtemp(join(tmpdir(), 'pileus-pg-'));
  const owner = process.getuid?.() === 0 ? await postgresUser() : undefined;
  if (owner) await chown(directory, owner.uid, owner.gid);
  const data = join(directory, 'data');
  const as = owner ?? {};
  await run(
    join(BIN, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    as,
  );
  const server = spawn(
    join(BIN, 'postgres'),
    ['-D', data, '-k', directory, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=60'],
    { ...as, stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => void server.once('exit', () => resolve()));
  const admin = await connect(directory);
  let schemas = 0;
  return {
    newSchema: async () => {
      const name = `t${++schemas}`;
      await admin.query(`create schema ${name}`);
      return `postgres://postgres@localhost/postgres?host=${directory}&schema=${name}`;
    },
    [Symbol.asyncDispose]: async () => {
      await admin.end();
      server.kill('SIGINT'); // fast shutdown: ends sessions that are still open
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function connect(directory: string): Promise<pg.Client> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const client = new pg.Client({ host: directory, user: 'postgres', database: 'postgres' });
    client.on('error', () => undefined); // the server's end is ours
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => run('id', [flag, 'postgres'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}
