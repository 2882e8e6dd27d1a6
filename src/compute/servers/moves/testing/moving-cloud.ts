// A compute API with two hosts and a server on the first, for tests of moves. The test plays scheduler and agents.
import { holdInTransaction } from '#placement/claim.ts';
import { migratePlacement } from '#placement/migrate.ts';
import type { PlacementTables } from '#placement/tables.ts';
import type { Database } from '#platform/sql/database.ts';
import type { MoveRef } from '#compute/rpc.ts';
import { updateMigration } from '#compute/server-migrations/store.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { until } from '#test/support/until.ts';

export const LARGE = 'm1.large';

/** A cloud with a second flavor, two hosts, and a server on the first. */
export async function start(
  config: Parameters<typeof startComputeHarness>[0] = {},
): Promise<{ cloud: ComputeHarness; id: string }> {
  const cloud = await startComputeHarness(config);
  await migratePlacement(cloud.service.deps.db as unknown as Database<PlacementTables>);
  const flavor = await cloud.kysely.selectFrom('flavors').selectAll().executeTakeFirstOrThrow();
  const row = {
    ...flavor,
    id: 50,
    flavor_id: LARGE,
    name: LARGE,
    ram: flavor.ram * 2,
    vcpus: flavor.vcpus * 2,
  };
  await cloud.kysely.insertInto('flavors').values(row).execute();
  const zero = { ...row, id: 51, flavor_id: 'zero', name: 'zero', disk: 0 };
  await cloud.kysely.insertInto('flavors').values(zero).execute();
  for (const host of ['host-1', 'host-2']) await addNode(cloud, host);
  const id = await cloud.create();
  await cloud.activate(id);
  await cloud.kysely.deleteFrom('outbox').execute();
  return { cloud, id };
}

async function addNode(cloud: ComputeHarness, host: string): Promise<void> {
  const at = new Date().toISOString();
  await cloud.kysely
    .insertInto('compute_nodes')
    .values({
      id: crypto.randomUUID(), host, hypervisor_hostname: host, hypervisor_type: 'QEMU', hypervisor_version: 1, host_ip: '127.0.0.1',
      vcpus: 4, memory_mb: 4096, local_gb: 10, report_json: '{}', created_at: at, updated_at: at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute(); // prettier-ignore
}

export const act = async (
  cloud: ComputeHarness,
  id: string,
  body: unknown,
  version = '2.1',
  token = 'member',
) => cloud.at(version, 'POST', `/v2.1/servers/${id}/action`, { body, token });

export const row = async (cloud: ComputeHarness, id: string): Promise<InstanceRow> =>
  cloud.kysely.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

export const migration = async (cloud: ComputeHarness) =>
  cloud.kysely.selectFrom('migrations').selectAll().orderBy('id', 'desc').executeTakeFirstOrThrow();

/** What the scheduler would have done: the move holds what the server held, the server what it will need. */
export async function schedule(
  cloud: ComputeHarness,
  id: string,
  ready: () => Promise<boolean> = async () => true,
): Promise<MoveRef> {
  await until(ready, { deadlineMs: 10_000, what: 'the request to be stored', everyMs: 5 });
  const { uuid } = await migration(cloud);
  const { db } = cloud.service.deps;
  const allocate = async (consumer_id: string, provider_id: string): Promise<void> => {
    const placement = cloud.kysely as unknown as Database<PlacementTables>['kysely'];
    const at = new Date().toISOString();
    const consumer = {
      id: consumer_id,
      generation: 1,
      project_id: 'p',
      user_id: 'u',
      consumer_type: 'INSTANCE',
    };
    await placement
      .insertInto('consumers')
      .values({ ...consumer, created_at: at, updated_at: at })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const allocation = { consumer_id, provider_id, resource_class: 'VCPU', used: 1, updated_at: at };
    await placement
      .insertInto('allocations')
      .values(allocation)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  };
  await allocate(id, 'source');
  await db.transaction(async (trx) =>
    holdInTransaction(trx, { from: id, to: uuid, type: 'MIGRATION', projectId: 'p', userId: 'u' }),
  );
  await allocate(id, 'destination');
  const chosen = { dest_compute: 'host-2', dest_node: 'host-2', dest_host: '127.0.0.1', dest_zone: 'nova' };
  await updateMigration(cloud.kysely, uuid, chosen, new Date().toISOString());
  const message = (await cloud.outbox()).find(({ method }) => method === 'selectDestination');
  return { action_id: String(message?.payload['action_id']), instance_id: id, migration_uuid: uuid };
}

/** `server: destination`, `move: source` … */
export async function held(cloud: ComputeHarness, id: string): Promise<string[]> {
  const placement = cloud.kysely as unknown as Database<PlacementTables>['kysely'];
  const rows = await placement.selectFrom('allocations').selectAll().execute();
  return rows
    .map(({ consumer_id, provider_id }) => `${consumer_id === id ? 'server' : 'move'}: ${provider_id}`)
    .toSorted();
}
