// The scheduler through its queue, on both engines: the choice and its record, the refusal, redelivery, and races.
import { rpcClient } from '#platform/bus/bus.ts';
import { listSteps, saveStep } from '#platform/saga/sql-log.ts';
import { hasPostgres, startPostgres, type PrivatePostgres } from '#test/support/postgres.ts';
import fc from 'fast-check';
import { sql } from 'kysely';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SCHEDULER_QUEUE, type DestinationMessage, type SchedulerRpc } from '../rpc.ts';
import type { Fault } from '../tables.ts';
import { selectDestination } from './select-destination.ts';
import { selectHost } from './select-host.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from './selection.ts';
import { startScheduler } from './start-scheduler.ts';
import { Cloud, now } from './testing/scheduler-cloud.ts';

let postgres: PrivatePostgres | undefined;
before(async () => {
  if (hasPostgres) postgres = await startPostgres();
});
after(async () => postgres?.[Symbol.asyncDispose]());

const DELIVERY = { id: 'message-1', queue: SCHEDULER_QUEUE, redelivered: false };

for (const engine of ['sqlite', 'postgres'] as const) {
  const skip = engine === 'postgres' && !hasPostgres ? 'PostgreSQL is not installed' : false;
  describe(`the scheduler on ${engine}`, { skip }, () => {
    const cloud = async (): Promise<Cloud> =>
      new Cloud(engine === 'sqlite' ? 'sqlite::memory:' : await postgres!.newSchema()).open();

    test('chooses the best host, claims it and stores the message for its agent, with a record of why', async () => {
      await using c = await cloud();
      await c.host('small', { memory: 2048 });
      await c.host('big', { memory: 8192 });
      await c.host('off', { disabled: true, memory: 16384 });
      const args = await c.server();
      await using scheduler = await startScheduler(c.deps).then((s) => ({
        [Symbol.asyncDispose]: async () => s.close(),
      }));
      void scheduler;
      await rpcClient<SchedulerRpc>(c.bus, SCHEDULER_QUEUE).call('selectHost', args);
      const instance = await c.instance(args.instance_id);
      assert.deepEqual(
        [instance.host, instance.node, instance.availability_zone, instance.task_state],
        ['big', 'big', 'nova', 'scheduling'],
      );
      const [message, ...more] = await c.outbox();
      assert.equal(more.length, 0);
      assert.deepEqual([message?.queue, message?.method], ['compute.big', 'launchServer']);
      assert.equal((JSON.parse(message?.payload ?? '') as { user_token: string }).user_token, 'secret-token');
      const steps = await listSteps(c.db.kysely, [args.action_id]);
      const byName = Object.fromEntries(steps.map((step) => [step.step, step]));
      assert.deepEqual(Object.keys(byName).toSorted(), ['dispatch', 'schedule', 'select']);
      assert.ok(
        steps.every((step) => step.state === 'done' && step.ended_at !== null && step.actor === 'scheduler'),
      );
      assert.equal(byName['dispatch']?.evidence['message_id'], message?.id);
      const evidence = byName['select']?.evidence as {
        filters: Array<{ filter: string; hosts_out: unknown[] }>;
        weights: Array<{ host: string }>;
        claim: unknown;
      };
      assert.deepEqual(evidence.filters.find((round) => round.filter === 'compute-up')?.hosts_out, [
        { host: 'off', reason: 'disabled', detail: 'mending' },
      ]);
      assert.deepEqual(
        evidence.weights.map((each) => each.host),
        ['big', 'small'],
      );
      assert.deepEqual(evidence.claim, {
        resource_provider: 'node-big',
        consumer: args.instance_id,
        resources: { VCPU: 1, MEMORY_MB: 1024, DISK_GB: 1 },
      });
      assert.doesNotMatch(JSON.stringify(steps), /secret-token/);
    });

    test('a server that moves holds its destination, and the move holds where it comes from', async () => {
      await using c = await cloud();
      await c.host('one');
      const args = await c.server();
      await selectHost(c.deps, args, DELIVERY);
      await c.host('two', { memory: 8192 });
      const message = await c.move(args, 2048);
      for (const _ of [1, 2]) await selectDestination(c.deps, message, DELIVERY, DEFAULT_SCHEDULER_OPTIONS);
      const names = { [args.instance_id]: 'server', [message.migration_uuid ?? '']: 'move' };
      assert.deepEqual(await c.held(names), [
        'move on node-one: 1024 MIGRATION',
        'server on node-two: 2048 INSTANCE',
      ]);
      const migration = await c.db.kysely.selectFrom('migrations').selectAll().executeTakeFirstOrThrow();
      assert.deepEqual(
        [migration.id, migration.dest_compute, migration.dest_host, migration.dest_zone],
        [1, 'two', '127.0.0.1', 'nova'],
      );
      assert.equal((await c.instance(args.instance_id)).host, 'one'); // until it is there
      const told = (await c.outbox()).filter((each) => each.method === 'moveServer');
      assert.deepEqual(
        told.map((each) => [each.queue, (JSON.parse(each.payload) as { destination: unknown }).destination]),
        [['compute.one', { host: 'two', node: 'two', zone: 'nova' }]],
      );
    });

    test('a server for which no host fits stays as it was, with the reason', async () => {
      await using c = await cloud();
      await c.host('one');
      const args = await c.server();
      await selectHost(c.deps, args, DELIVERY);
      await c.db.kysely
        .updateTable('instances')
        .set({ vm_state: 'active', task_state: 'resize_prep' })
        .execute();
      const message = { ...(await c.move(args, 1024)), exclude: ['one'] };
      await selectDestination(c.deps, message, DELIVERY, DEFAULT_SCHEDULER_OPTIONS);
      const instance = await c.instance(args.instance_id);
      assert.deepEqual([instance.vm_state, instance.task_state, instance.host], ['active', null, 'one']);
      assert.match(
        (JSON.parse(instance.fault_json ?? '') as Fault).message,
        /No valid host was found. 0 of 1 host: 1 not to be used for this/,
      );
      assert.deepEqual(await c.held({ [args.instance_id]: 'server' }), ['server on node-one: 1024 INSTANCE']);
      const { status } = await c.db.kysely.selectFrom('migrations').selectAll().executeTakeFirstOrThrow();
      assert.equal(status, 'error');
    });

    test('a server on no host gets the one that it asks for', async () => {
      await using c = await cloud();
      await c.host('one');
      await c.host('two');
      const { exclude: _, user_token: __, ...ref } = await c.server();
      const message: DestinationMessage = {
        ...ref,
        exclude: [],
        requested_host: 'two',
        migration_uuid: null,
        next: { on: null, method: 'moveServer', args: ref },
      };
      await selectDestination(c.deps, message, DELIVERY, DEFAULT_SCHEDULER_OPTIONS);
      assert.equal((await c.instance(ref.instance_id)).host, 'two');
      assert.deepEqual(await c.held({ [ref.instance_id]: 'server' }), ['server on node-two: 1024 INSTANCE']);
      assert.deepEqual(
        (await c.outbox()).map((each) => [each.queue, each.method]),
        [['compute.two', 'moveServer']],
      );
    });

    test('a redelivered message changes nothing', async () => {
      await using c = await cloud();
      await c.host('one');
      await c.host('two');
      const args = await c.server();
      await selectHost(c.deps, args, DELIVERY);
      const before = await c.instance(args.instance_id);
      await Promise.all(
        [1, 2, 3].map(async () => selectHost(c.deps, args, { ...DELIVERY, redelivered: true })),
      );
      assert.deepEqual(await c.instance(args.instance_id), before);
      assert.equal((await c.outbox()).length, 1);
    });

    test('deliveries at the same moment choose once', async () => {
      await using c = await cloud();
      await c.host('one');
      await c.host('two');
      const args = await c.server();
      await Promise.all([1, 2, 3, 4].map(async () => selectHost(c.deps, args, DELIVERY)));
      assert.equal((await c.outbox()).length, 1);
      assert.equal(
        (
          await c.db.kysely
            .selectFrom('allocations')
            .selectAll()
            .where('resource_class', '=', 'VCPU')
            .execute()
        ).length,
        1,
      );
    });

    test('drops what was cancelled', async () => {
      await using c = await cloud();
      await c.host('one');
      const args = await c.server();
      await c.db.kysely.updateTable('instance_actions').set({ cancelled: 1 }).execute();
      await selectHost(c.deps, args, DELIVERY);
      assert.equal((await c.instance(args.instance_id)).host, null);
      assert.equal((await c.outbox()).length, 0);
    });

    test('says why no host fits, to the user in a sentence, to administrators by host', async () => {
      await using c = await cloud();
      await c.host('a', { memory: 4096 });
      await c.host('b', { memory: 6144 });
      await c.host('c', { disabled: true });
      const args = await c.server({ ram: 8192 });
      await selectHost(c.deps, args, DELIVERY);
      const instance = await c.instance(args.instance_id);
      assert.deepEqual(
        [instance.vm_state, instance.task_state, instance.admin_password],
        ['error', null, null],
      );
      const fault = JSON.parse(instance.fault_json ?? '') as Fault;
      assert.equal(fault.code, 500);
      assert.equal(
        fault.message,
        'No valid host was found. 0 of 3 hosts: 2 not enough MEMORY_MB (need 8192, most free 6144), 1 disabled',
      );
      assert.equal(
        fault.details,
        'a: not enough MEMORY_MB (need 8192, free 4096) [placement]\nb: not enough MEMORY_MB (need 8192, free 6144) [placement]\nc: disabled: mending [compute-up]',
      );
      const steps = await listSteps(c.db.kysely, [args.action_id]);
      assert.equal(steps.find((step) => step.step === 'select')?.state, 'failed');
      const action = await c.db.kysely.selectFrom('instance_actions').selectAll().executeTakeFirstOrThrow();
      assert.equal(action.state, 'failed');
    });

    test('on another attempt leaves out the host that failed, and tells both reasons when there is no other', async () => {
      await using c = await cloud();
      await c.host('one');
      const args = await c.server();
      await selectHost(c.deps, args, DELIVERY);
      const failed = {
        saga_id: args.action_id,
        attempt: 1,
        step: 'spawn',
        state: 'undone',
        started_at: now(),
        ended_at: now(),
        deadline_at: now(),
        actor: 'compute.one',
        waiting_for: null,
        evidence: {},
        output: null,
        error: 'qemu did not start',
      } as const;
      await saveStep(c.db.kysely, failed);
      await selectHost(c.deps, { ...args, attempt: 2, exclude: ['one'] }, { ...DELIVERY, id: 'message-2' });
      const instance = await c.instance(args.instance_id);
      const fault = JSON.parse(instance.fault_json ?? '') as Fault;
      assert.equal(
        fault.message,
        'The launch failed at spawn: qemu did not start. No other host was found: 0 of 1 host: 1 already tried',
      );
      assert.equal(instance.host, null);
      assert.equal(
        (await c.db.kysely.selectFrom('allocations').selectAll().execute()).length,
        0,
        'nothing is leaked',
      );
    });

    test('honours traits, zones, requested hosts and aggregates', async () => {
      await using c = await cloud();
      await c.host('plain', { memory: 16384 });
      await c.host('fast', { traits: ['CUSTOM_FAST'] });
      await c.db.kysely
        .insertInto('aggregates')
        .values({
          id: 1,
          uuid: 'u',
          name: 'g',
          metadata_json: JSON.stringify({ availability_zone: 'east', ssd: 'true' }),
          created_at: now(),
          updated_at: null,
        })
        .execute();
      await c.db.kysely.insertInto('aggregate_hosts').values({ aggregate_id: 1, host: 'fast' }).execute();
      const chosen = async (options: Parameters<Cloud['server']>[0]) => {
        const args = await c.server(options);
        await selectHost(c.deps, args, DELIVERY);
        return (await c.instance(args.instance_id)).host;
      };
      assert.equal(await chosen({ specs: { 'trait:CUSTOM_FAST': 'required' }, ram: 64 }), 'fast');
      assert.equal(await chosen({ specs: { 'trait:CUSTOM_FAST': 'forbidden' }, ram: 64 }), 'plain');
      assert.equal(await chosen({ changes: { requested_zone: 'east' }, ram: 64 }), 'fast');
      assert.equal(await chosen({ changes: { requested_host: 'fast' }, ram: 64 }), 'fast');
      assert.equal(await chosen({ specs: { ssd: 'true' }, ram: 64 }), 'fast');
      assert.equal(await chosen({ specs: { ssd: 'false' }, ram: 64 }), null);
      assert.equal(await chosen({ changes: { image_json: '{"hw_architecture":"aarch64"}' }, ram: 64 }), null);
      assert.equal(await chosen({ specs: { 'capabilities:hypervisor_type': 's== QEMU' }, ram: 64 }), 'plain');
    });

    test('claims from nested providers of the host as well', async () => {
      await using c = await cloud();
      await c.host('one');
      const row = {
        parent_id: 'node-one',
        root_id: 'node-one',
        generation: 0,
        created_at: now(),
        updated_at: now(),
      };
      await c.db.kysely
        .insertInto('resource_providers')
        .values({ id: 'gpu', name: 'gpu', ...row })
        .execute();
      await c.db.kysely
        .insertInto('inventories')
        .values({
          provider_id: 'gpu',
          resource_class: 'VGPU',
          total: 1,
          reserved: 0,
          min_unit: 1,
          max_unit: 1,
          step_size: 1,
          allocation_ratio: 1,
          updated_at: now(),
        })
        .execute();
      const [first, second] = [
        await c.server({ specs: { 'resources:VGPU': '1' } }),
        await c.server({ specs: { 'resources:VGPU': '1' } }),
      ];
      await selectHost(c.deps, first, DELIVERY);
      await selectHost(c.deps, second, DELIVERY);
      assert.equal((await c.instance(first.instance_id)).host, 'one');
      assert.match(
        (await c.instance(second.instance_id)).fault_json ?? '',
        /0 of 1 host: 1 not enough VGPU \(need 1, most free 0\)/,
      );
      const taken = await c.db.kysely
        .selectFrom('allocations')
        .select(['provider_id', 'resource_class'])
        .orderBy('resource_class')
        .execute();
      assert.deepEqual(
        taken.map((each) => `${each.provider_id} ${each.resource_class}`),
        ['node-one DISK_GB', 'node-one MEMORY_MB', 'node-one VCPU', 'gpu VGPU'],
      );
    });

    test('a silent host is not chosen', async () => {
      await using c = await cloud();
      await c.host('silent', { seen: new Date(Date.now() - 61_000).toISOString() });
      const args = await c.server();
      await selectHost(c.deps, args, DELIVERY);
      assert.match((await c.instance(args.instance_id)).fault_json ?? '', /0 of 1 host: 1 down/);
    });

    test('racing schedulers never overcommit and never break a group', async () => {
      await using c = await cloud();
      const memory: Record<string, number> = { h1: 2048, h2: 3072, h3: 4096 };
      for (const [name, free] of Object.entries(memory)) await c.host(name, { memory: free });
      const policies = [null, 'affinity', 'anti-affinity'] as const;
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.record({
              ram: fc.integer({ min: 1, max: 20 }).map((n) => n * 100),
              group: fc.constantFrom(...policies),
            }),
            { minLength: 2, maxLength: 10 },
          ),
          async (wanted) => {
            await c.db.kysely.deleteFrom('allocations').execute();
            await c.db.kysely.deleteFrom('instances').execute();
            const groups = {
              affinity: await c.group('affinity'),
              'anti-affinity': await c.group('anti-affinity'),
            };
            const all = [];
            for (const { ram, group } of wanted)
              all.push(
                await c.server({ ram, changes: { server_group_id: group === null ? null : groups[group] } }),
              );
            await Promise.all(all.map(async (args) => selectHost(c.deps, args, DELIVERY)));
            for (const [name, free] of Object.entries(memory)) {
              const row = await c.db.kysely
                .selectFrom('allocations')
                .select(sql<number>`coalesce(sum(used), 0)`.as('used'))
                .where('provider_id', '=', `node-${name}`)
                .where('resource_class', '=', 'MEMORY_MB')
                .executeTakeFirstOrThrow();
              assert.ok(Number(row.used) <= free, `${name}: ${row.used} of ${free}`);
            }
            const rows = await c.db.kysely.selectFrom('instances').selectAll().execute();
            const hostsOf = (group: string) =>
              rows.filter((row) => row.server_group_id === group && row.host !== null).map((row) => row.host);
            assert.ok(new Set(hostsOf(groups.affinity)).size <= 1, 'affinity holds');
            const apart = hostsOf(groups['anti-affinity']);
            assert.equal(new Set(apart).size, apart.length, 'anti-affinity holds');
            for (const row of rows)
              assert.ok(
                (row.host === null) === (row.vm_state === 'error'),
                'placed or in error, nothing between',
              );
          },
        ),
        { numRuns: engine === 'sqlite' ? 15 : 5 },
      );
    });
  });
}
