// Claims on both engines: capacity, units, and that racing claims never overcommit.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { hasPostgres, startPostgres, type PrivatePostgres } from '#test/support/postgres.ts';
import fc from 'fast-check';
import { sql } from 'kysely';
import {
  claimInTransaction,
  ensureHostProvider,
  findCandidates,
  NoCapacity,
  releaseInTransaction,
} from './claim.ts';
import { emptyGroup } from './allocation-candidates/request.ts';
import { migratePlacement } from './migrate.ts';
import type { PlacementTables } from './tables.ts';

let postgres: PrivatePostgres | undefined;
before(async () => {
  if (hasPostgres) postgres = await startPostgres();
});
after(async () => postgres?.[Symbol.asyncDispose]());

const HOST = {
  hypervisor_hostname: 'host-1',
  vcpus: 2,
  memory_mb: 4608,
  local_gb: 40,
  traits: ['COMPUTE_NODE', 'CUSTOM_FAST', 'nonsense'],
};

async function used(db: Database<PlacementTables>, provider: string, name: string): Promise<number> {
  const row = await db.kysely
    .selectFrom('allocations')
    .select(sql<number>`coalesce(sum(used), 0)`.as('used'))
    .where('provider_id', '=', provider)
    .where('resource_class', '=', name)
    .executeTakeFirstOrThrow();
  return Number(row.used);
}

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(
    `claims on ${engine}`,
    { skip: engine === 'postgres' && !hasPostgres ? 'PostgreSQL is not installed' : false },
    () => {
      const open = async (): Promise<Database<PlacementTables>> => {
        const db = openDatabase<PlacementTables>(
          engine === 'sqlite' ? 'sqlite::memory:' : await postgres!.newSchema(),
        );
        await migratePlacement(db);
        return db;
      };
      const claimOf = (consumerId: string, providerId: string, resources: Record<string, number>) => ({
        consumerId,
        projectId: 'p',
        userId: 'u',
        providerId,
        resources,
      });

      test('gives what is free, refuses what is not, and takes it back', async () => {
        await using db = await open();
        const id = await db.transaction(async (trx) => ensureHostProvider(trx, 'node-1', HOST));
        assert.equal(id, 'node-1');
        const claim = (consumer: string, mb: number) =>
          db.transaction(async (trx) =>
            claimInTransaction(trx, claimOf(consumer, id, { VCPU: 1, MEMORY_MB: mb })),
          );
        await claim('a', 4000);
        await assert.rejects(claim('b', 97), (error: unknown) => {
          assert.ok(error instanceof NoCapacity);
          assert.deepEqual(error.shortages, [
            { resourceClass: 'MEMORY_MB', needed: 97, free: 96, reason: 'capacity' },
          ]);
          return true;
        });
        await claim('b', 96);
        await claim('a', 3000); // again: replaces what it had
        assert.equal(await used(db, id, 'MEMORY_MB'), 3096);
        await assert.rejects(
          db.transaction(async (trx) => claimInTransaction(trx, claimOf('c', id, { VCPU: 3 }))),
          /at most 2/,
        );
        await db.transaction(async (trx) => releaseInTransaction(trx, 'a'));
        await db.transaction(async (trx) => releaseInTransaction(trx, 'a'));
        assert.equal(await used(db, id, 'MEMORY_MB'), 96);
      });

      test('keeps ratios that an operator set and traits of their own when the host reports again', async () => {
        await using db = await open();
        const id = await db.transaction(async (trx) => ensureHostProvider(trx, 'node-1', HOST));
        await db.kysely
          .updateTable('inventories')
          .set({ allocation_ratio: 1.5 })
          .where('resource_class', '=', 'VCPU')
          .execute();
        const generation = async () =>
          (await db.kysely.selectFrom('resource_providers').select('generation').executeTakeFirstOrThrow())
            .generation;
        const before = await generation();
        await db.transaction(async (trx) => ensureHostProvider(trx, 'node-1', HOST));
        assert.equal(await generation(), before, 'nothing changed');
        await db.transaction(async (trx) =>
          ensureHostProvider(trx, 'node-1', { ...HOST, vcpus: 8, traits: ['HW_CPU_X86_AVX'] }),
        );
        assert.equal(await generation(), before + 1);
        const vcpu = await db.kysely
          .selectFrom('inventories')
          .selectAll()
          .where('resource_class', '=', 'VCPU')
          .executeTakeFirstOrThrow();
        assert.deepEqual([vcpu.total, vcpu.max_unit, vcpu.allocation_ratio], [8, 8, 1.5]);
        const traits = await db.kysely
          .selectFrom('provider_traits')
          .select('trait')
          .orderBy('trait')
          .execute();
        assert.deepEqual(
          traits.map((row) => row.trait),
          ['CUSTOM_FAST', 'HW_CPU_X86_AVX'],
        );
        assert.equal(id, 'node-1');
      });

      test('explains why a host is no candidate', async () => {
        await using db = await open();
        const id = await db.transaction(async (trx) => ensureHostProvider(trx, 'node-1', HOST));
        const group = { ...emptyGroup(''), resources: { MEMORY_MB: 8192 }, required: [['HW_CPU_X86_AVX']] };
        const { candidates, refusals } = await findCandidates(db.kysely, { groups: [group] });
        assert.equal(candidates.length, 0);
        assert.deepEqual(refusals.get(id), [
          {
            kind: 'shortage',
            shortage: { resourceClass: 'MEMORY_MB', needed: 8192, free: 4096, reason: 'capacity' },
          },
          { kind: 'missing-trait', traits: ['HW_CPU_X86_AVX'] },
        ]);
      });

      test('racing claims never overcommit', async () => {
        await using db = await open();
        const runs = engine === 'sqlite' ? 20 : 5;
        let round = 0;
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 2, maxLength: 12 }),
            async (sizes) => {
              const name = `race-${++round}`;
              const id = await db.transaction(async (trx) =>
                ensureHostProvider(trx, name, { ...HOST, hypervisor_hostname: name }),
              );
              const outcomes = await Promise.allSettled(
                sizes.map(async (mb, i) =>
                  db.transaction(async (trx) =>
                    claimInTransaction(trx, claimOf(`${name}-${i}`, id, { MEMORY_MB: mb })),
                  ),
                ),
              );
              for (const outcome of outcomes)
                if (outcome.status === 'rejected')
                  assert.ok(outcome.reason instanceof NoCapacity, String(outcome.reason));
              const total = await used(db, id, 'MEMORY_MB');
              assert.ok(total <= 4096, `${total} of 4096 given out`);
              const won = sizes.filter((_, i) => outcomes[i]?.status === 'fulfilled');
              assert.equal(
                total,
                won.reduce((a, b) => a + b, 0),
              );
            },
          ),
          { numRuns: runs },
        );
      });
    },
  );
}

test(
  'ninety claims over thirty connections on one provider all find their turn',
  { skip: hasPostgres ? false : 'PostgreSQL is not installed' },
  async () => {
    const url = await postgres!.newSchema();
    await using first = openDatabase<PlacementTables>(url);
    await using second = openDatabase<PlacementTables>(url);
    await using third = openDatabase<PlacementTables>(url);
    await migratePlacement(first);
    const id = await first.transaction(async (trx) =>
      ensureHostProvider(trx, 'busy', { ...HOST, hypervisor_hostname: 'busy', vcpus: 20 }),
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, async (_, i) =>
        [first, second, third][i % 3]!.transaction(async (trx) =>
          // one of three
          claimInTransaction(trx, {
            consumerId: `busy-${i}`,
            projectId: 'p',
            userId: 'u',
            providerId: id,
            resources: { VCPU: 1 },
          }),
        ),
      ),
    );
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        assert.ok(outcome.reason instanceof NoCapacity, String(outcome.reason));
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 80, '20 × 4.0');
    assert.equal(await used(first, id, 'VCPU'), 80);
  },
);
