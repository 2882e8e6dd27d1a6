// What the contract tests share: the servers they run against, and the runner of a table of cases.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { connectOvsdb, type OvsdbClient } from '../client.ts';
import type { Endpoint } from '../endpoint.ts';
import { OvsdbError } from '../errors.ts';
import { createMemoryOvsdb } from '../memory-server.ts';
import { startRealServer, whyNoRealServer } from './real-server.ts';
import { sample } from './sample-model.ts';

export interface Server extends AsyncDisposable {
  readonly endpoint: Endpoint;
  kill(): Promise<void>;
  start(): Promise<void>;
}
export type Client = OvsdbClient<typeof sample>;

const schema = { name: 'Sample', tables: sample };
const variants: { name: string; skip: string | false; serve: () => Promise<Server> }[] = [
  { name: 'ovsdb-server', skip: whyNoRealServer(), serve: () => startRealServer(schema) },
  { name: 'memory server', skip: false, serve: async () => createMemoryOvsdb(schema) },
  {
    name: 'memory server that only knows monitor_cond',
    skip: false,
    serve: async () => createMemoryOvsdb({ ...schema, unknownMethods: ['monitor_cond_since'] }),
  },
  {
    name: 'memory server that only knows monitor',
    skip: false,
    serve: async () =>
      createMemoryOvsdb({ ...schema, unknownMethods: ['monitor_cond_since', 'monitor_cond'] }),
  },
];

export function open(server: Server): Client {
  return connectOvsdb({
    endpoint: server.endpoint,
    database: 'Sample',
    tables: sample,
    readyDeadlineMs: 10_000,
    backoffMs: { min: 10, max: 100 },
  });
}

export async function refusal(work: Promise<unknown>): Promise<OvsdbError> {
  const error: unknown = await work.then(
    () => assert.fail('was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof OvsdbError)) throw error;
  return error;
}

export async function untilDisconnected(db: Client): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (db.connected) {
    assert.ok(performance.now() < end, 'still connected');
    await setImmediate();
  }
}

export async function insertNet(db: Client, name: string): Promise<string> {
  const tx = db.transaction();
  const net = tx.insert('Net', { name });
  return (await tx.commit()).uuidOf(net);
}

export const deadlineMs = 10_000;

export type Cases = Record<string, (db: Client, server: Server) => Promise<void>>;

/** Each case gets a server and a client of its own, on each kind of server. */
export function runOnEveryServer(cases: Cases): void {
  for (const { name, skip, serve } of variants) {
    describe(`client and ${name}`, { skip }, () => {
      for (const [title, run] of Object.entries(cases)) {
        test(title, { timeout: 30_000 }, async () => {
          await using server = await serve();
          await using db = open(server);
          await db.ready;
          await run(db, server);
        });
      }
    });
  }
}
