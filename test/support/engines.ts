// The databases that store tests run on: SQLite always, a private PostgreSQL where the machine has one.
import { after } from 'node:test';
import { hasPostgres, startPostgres, type PrivatePostgres } from './postgres.ts';

export type TestEngine = 'sqlite' | 'postgres';

/** Says so when PostgreSQL is left out. */
export const ENGINES: readonly TestEngine[] = hasPostgres ? ['sqlite', 'postgres'] : ['sqlite'];
if (!hasPostgres) process.stderr.write('PostgreSQL is not installed: store tests run on SQLite only\n');

let server: Promise<PrivatePostgres> | undefined;
after(async () => (await server)?.[Symbol.asyncDispose]());

/** The URL of an empty database: memory, or a new schema in this test file's own server. */
export async function urlOf(engine: TestEngine): Promise<string> {
  if (engine === 'sqlite') return 'sqlite::memory:';
  server ??= startPostgres();
  return (await server).newSchema();
}
