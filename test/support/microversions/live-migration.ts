// Rows of compute's microversions about live migrations. One that never ends by itself shows what can be done with it.
import assert from 'node:assert/strict';
import type { JsonValue } from '#test/support/service-harness.ts';
import { until } from '#test/support/until.ts';
import { has, knownField, message, NOBODY, unknownField, type Row } from './row.ts';
import type { Answer, Client, World } from './world.ts';

const ENDLESS = [{ migration: 'never-converging' }];

/** What the client's version asks for at least. */
const wish = (client: Client, fields: object = {}): Record<string, unknown> => ({
  'os-migrateLive': {
    host: null,
    ...(client.minor < 25 ? { block_migration: true, disk_over_commit: false } : { block_migration: 'auto' }),
    ...fields,
  },
});

const listed = async (world: World): Promise<JsonValue> =>
  (await world.at(93).get(`/servers/${world.server}/migrations`, 'admin')).migrations;

/** A live migration of the server that waits to be ended, by whoever acts on it; it is over when this resolves. */
async function whileMigrating(
  world: World,
  act: (migration: JsonValue, path: string) => Promise<void>,
  status = 'running',
): Promise<JsonValue> {
  const { server } = world;
  await world.behave(ENDLESS);
  const top = world.at(93);
  try {
    const begun = await top.act(server, wish(top));
    assert.equal(begun.status, 202, JSON.stringify(begun.body));
    const migration = await until(
      async () => (await listed(world)).find((each: { status: string }) => each.status === status),
      { deadlineMs: 30_000, what: `a ${status} live migration` },
    );
    await act(migration, `/servers/${server}/migrations/${migration.id}`);
    await world.settled(server);
    const { migrations } = await top.get(`/os-migrations?instance_uuid=${server}`, 'admin');
    return migrations.find((each: { id: number }) => each.id === migration.id);
  } finally {
    await world.behave([]);
  }
}

const abort = async (client: Client, path: string): Promise<Answer> =>
  client.send('DELETE', path, undefined, 'admin');

const force = async (client: Client, path: string): Promise<Answer> =>
  client.send('POST', `${path}/action`, { force_complete: null }, 'admin');

export const liveMigrationRows: readonly Row[] = [
  {
    version: '2.22',
    change: 'a live migration can be forced to complete',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const before = (await world.settled(world.server))['OS-EXT-SRV-ATTR:host'];
      const none = await force(from, `/servers/${world.server}/migrations/1`);
      assert.equal(none.status, 409, 'of a server that does not migrate');
      const ended = await whileMigrating(world, async (migration, path) => {
        assert.equal((await force(below, path)).status, 404);
        assert.equal((await force(from, `/servers/${world.server}/migrations/999999`)).status, 400);
        const forced = await force(from, path);
        assert.equal(forced.status, 202, JSON.stringify(forced.body));
        assert.equal(migration.status, 'running');
      });
      assert.equal(ended.status, 'completed');
      const { status, 'OS-EXT-SRV-ATTR:host': host } = await world.settled(world.server);
      assert.equal(status, 'ACTIVE');
      assert.equal(host, ended.dest_compute);
      assert.notEqual(host, before);
    },
  },
  {
    version: '2.23',
    change: "a server's live migrations, and how far they are",
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const list = `/servers/${world.server}/migrations`;
      assert.deepEqual((await from.get(list, 'admin')).migrations, []);
      assert.match(
        message(await from.send('GET', `${list}/1`, undefined, 'admin')),
        /^Migration 1 not found/,
      );
      await whileMigrating(world, async ({ id }, path) => {
        for (const at of [list, path])
          assert.equal((await below.send('GET', at, undefined, 'admin')).status, 404);
        const shown = await until(
          async () => {
            const { migration } = await from.get(path, 'admin');
            return migration.memory_total_bytes === null ? undefined : (migration as JsonValue);
          },
          { deadlineMs: 30_000, what: 'the progress to be told' },
        );
        assert.equal(shown.memory_processed_bytes + shown.memory_remaining_bytes, shown.memory_total_bytes);
        assert.equal(shown.disk_processed_bytes + shown.disk_remaining_bytes, shown.disk_total_bytes);
        assert.ok(shown.disk_total_bytes > 0);
        assert.deepEqual(
          (await from.get(list, 'admin')).migrations.map((each: { id: number }) => each.id),
          [id],
        );
        const all = `/os-migrations?instance_uuid=${world.server}&status=running`;
        const [old, now] = [await below.get(all, 'admin'), await from.get(all, 'admin')];
        assert.deepEqual(has(old.migrations[0], 'links', 'migration_type'), []);
        assert.deepEqual(has(now.migrations[0], 'links', 'migration_type'), ['links', 'migration_type']);
        assert.equal((await abort(world.at(93), path)).status, 202);
      });
    },
  },
  {
    version: '2.24',
    change: 'a live migration that runs can be aborted',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const { 'OS-EXT-SRV-ATTR:host': before } = await world.settled(world.server);
      const none = await abort(from, `/servers/${world.server}/migrations/1`);
      assert.equal(none.status, 409, 'of a server that does not migrate');
      const ended = await whileMigrating(world, async (_migration, path) => {
        assert.equal((await abort(below, path)).status, 404);
        assert.equal((await abort(from, `/servers/${world.server}/migrations/999999`)).status, 404);
        assert.equal((await abort(from, path)).status, 202);
      });
      assert.equal(ended.status, 'cancelled');
      const { status, 'OS-EXT-SRV-ATTR:host': host } = await world.settled(world.server);
      assert.deepEqual([status, host], ['ACTIVE', before]);
    },
  },
  {
    version: '2.25',
    change: 'block_migration auto in live migration, and no disk_over_commit',
    proof: 'steps',
    check: async ({ below, from }) => {
      const tried = async (client: Client, fields: object): Promise<Answer> =>
        client.act(NOBODY, { 'os-migrateLive': { host: null, ...fields } });
      const old = { block_migration: false, disk_over_commit: false };
      assert.equal((await tried(below, old)).status, 404);
      assert.equal((await tried(below, { block_migration: 'auto', disk_over_commit: false })).status, 400);
      assert.equal((await tried(below, { block_migration: false })).status, 400);
      assert.equal((await tried(from, { block_migration: 'auto' })).status, 404);
      unknownField(await tried(from, old), 'disk_over_commit');
    },
  },
  {
    version: '2.30',
    change: 'force in live migration, until 2.67',
    proof: 'steps',
    once: true,
    check: async ({ below, from, world }) => {
      const forced = async (client: Client, host: string | null): Promise<Answer> =>
        client.act(world.server, wish(client, { host, force: true }));
      unknownField(await forced(below, 'nowhere'), 'force');
      unknownField(await forced(world.at(68), 'nowhere'), 'force');
      for (const client of [from, world.at(67)]) {
        const unknown = await forced(client, 'nowhere');
        knownField(unknown, 'force');
        assert.match(message(unknown), /host nowhere could not be found/);
        assert.match(message(await forced(client, null)), /non-provided destination/);
      }
    },
  },
  {
    version: '2.34',
    change: 'checks of live migration in the background',
    proof: 'steps',
    once: true,
    check: async ({ below, from, world }) => {
      const { server } = world;
      const { 'OS-EXT-SRV-ATTR:host': before } = await world.settled(server);
      const shared = { block_migration: false };
      const old = await below.act(server, wish(below, shared));
      assert.equal(old.status, 400, JSON.stringify(old.body));
      assert.match(message(old), /does not share the disks/);
      await world.settled(server);
      assert.equal((await from.act(server, wish(from, shared))).status, 202);
      assert.equal((await world.settled(server))['OS-EXT-SRV-ATTR:host'], before);
      const { migrations } = await from.get(`/os-migrations?instance_uuid=${server}`, 'admin');
      for (const { status } of migrations.slice(0, 2)) assert.equal(status, 'error');
      assert.equal((await below.act(server, wish(below))).status, 202);
      assert.notEqual((await world.settled(server))['OS-EXT-SRV-ATTR:host'], before);
    },
  },
  {
    version: '2.65',
    change: 'live migrations that have not begun to run can be aborted',
    proof: 'steps',
    check: async ({ below, from, world }) => {
      const waiting = [{ hop: 'disk.receive', latencyMs: 60_000 }];
      const top = world.at(93);
      await world.behave(waiting);
      try {
        assert.equal((await top.act(world.server, wish(top))).status, 202);
        const { id } = await until(
          async () => (await listed(world)).find((each: { status: string }) => each.status === 'preparing'),
          { deadlineMs: 30_000, what: 'the live migration to prepare' },
        );
        const path = `/servers/${world.server}/migrations/${id}`;
        const early = await abort(below, path);
        assert.equal(early.status, below.minor < 24 ? 404 : 400, JSON.stringify(early.body));
        assert.match(message(early), below.minor < 24 ? /./ : /is preparing/);
        assert.equal((await abort(from, path)).status, 202);
        assert.equal((await world.settled(world.server)).status, 'ACTIVE');
        const { migrations } = await top.get(`/os-migrations?instance_uuid=${world.server}`, 'admin');
        assert.equal(migrations[0].status, 'cancelled');
      } finally {
        await world.behave([]);
      }
    },
  },
];
