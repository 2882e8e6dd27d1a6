// What the model of OVN does when it is told to misbehave; that it behaves like OVN otherwise is shown by the network
// service's contract test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#platform/context/clock.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import { createFakeOvn, type FakeOvnBehaviours } from './fake.ts';
import { northbound, southbound } from './schema.ts';

async function openOvn(behaviours: FakeOvnBehaviours) {
  const ovn = await createFakeOvn({ clock: systemClock, behaviours });
  await ovn.addChassis('h1');
  const nb = connectOvsdb({ endpoint: ovn.nb, database: 'OVN_Northbound', tables: northbound });
  const sb = connectOvsdb({ endpoint: ovn.sb, database: 'OVN_Southbound', tables: southbound });
  await Promise.all([nb.ready, sb.ready]);
  const tx = nb.transaction();
  const port = tx.insert('Logical_Switch_Port', { name: 'p1', addresses: ['fa:16:3e:00:00:01 10.0.0.5'] });
  tx.insert('Logical_Switch', { name: 'ls', ports: [port] });
  await tx.commit();
  return {
    ovn,
    binding: () => sb.table('Port_Binding').where('logical_port', 'p1')[0],
    isUp: () => nb.table('Logical_Switch_Port').where('name', 'p1')[0]?.up === true,
    untilUp: () =>
      nb.waitUntil((db) => db.table('Logical_Switch_Port').where('name', 'p1')[0]?.up === true, {
        deadlineMs: 30_000,
      }),
    untilBound: () =>
      sb.waitUntil((db) => db.table('Port_Binding').where('logical_port', 'p1')[0], { deadlineMs: 30_000 }),
    untilClaimed: () =>
      sb.waitUntil((db) => db.table('Port_Binding').where('logical_port', 'p1')[0]?.chassis, {
        deadlineMs: 30_000,
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([nb[Symbol.asyncDispose](), sb[Symbol.asyncDispose]()]);
      await ovn.close();
    },
  };
}

test('brings a port up only after the time that flows take', async () => {
  await using cloud = await openOvn({ upMs: 100 });
  cloud.ovn.plug('h1', 'p1');
  await cloud.untilClaimed();
  assert.equal(cloud.binding()?.up, false);
  await cloud.untilUp();
});

test('never claims a port that it is told to leave alone, until it may', async () => {
  const behaviours: FakeOvnBehaviours = { neverClaims: () => true };
  await using cloud = await openOvn(behaviours);
  await cloud.untilBound();
  cloud.ovn.plug('h1', 'p1');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(cloud.binding()?.chassis, null);
  delete behaviours.neverClaims;
  cloud.ovn.plug('h1', 'p1');
  await cloud.untilUp();
});

test('loses that a port came up, and sees it when northd looks again', async () => {
  await using cloud = await openOvn({ losesPortUp: () => true, recomputeMs: 150 });
  const start = performance.now();
  cloud.ovn.plug('h1', 'p1');
  await cloud.untilClaimed();
  assert.equal(cloud.isUp(), false);
  await cloud.untilUp();
  assert.ok(performance.now() - start >= 140);
});

test('takes its time to translate when northd is slow', async () => {
  const start = performance.now();
  await using cloud = await openOvn({ northdMs: 120 });
  await cloud.untilBound();
  assert.ok(performance.now() - start >= 110);
});
