// Contract of both servers: values, conditions, mutations, constraints and references.
import assert from 'node:assert/strict';
import { type Cases, insertNet, open, refusal, runOnEveryServer } from './test-support/contract.ts';
import type { sample } from './test-support/sample-model.ts';
import type { Condition, Mutation } from './transaction.ts';

const cases: Cases = {
  'a row not said holds the defaults of its types': async (db) => {
    const uuid = await insertNet(db, 'n');
    assert.deepEqual(db.table('Net').get(uuid), {
      _uuid: uuid,
      name: 'n',
      kind: null,
      ports: [],
      main_port: null,
      friends: [],
      tags: [],
      options: {},
      counters: {},
      slots: {},
      weight: null,
      label: '',
      up: false,
      status: null,
    });
  },

  'every kind of value comes back as it was written, also through a new snapshot': async (db, server) => {
    const id = '6f0e2c7c-6b0f-4a52-a3a4-3e07f5a2f8a1';
    const row = {
      name: 'ünïcode "{}" \\ \n 🚀',
      kind: 'tunnel',
      tags: ['b', 'a', '}'],
      options: { ['__proto__']: 'x', constructor: 'y', '': '{"' },
      counters: { hits: 7 },
      slots: { 3: id, 12: id },
      weight: 0,
      label: '12345678',
      up: true,
    } as const;
    const tx = db.transaction();
    const net = tx.insert('Net', row);
    tx.insert('Global', { sequence: -5, ratio: 0.25 });
    const uuid = (await tx.commit()).uuidOf(net);
    await using other = open(server);
    await other.ready;
    for (const client of [db, other]) {
      const held = client.table('Net').get(uuid)!;
      assert.deepEqual({ ...held, tags: null }, { ...held, ...row, tags: null });
      assert.deepEqual(held.tags, ['a', 'b', '}']);
      assert.deepEqual(Object.keys(held.options).sort(), ['', '__proto__', 'constructor']);
      assert.deepEqual(
        client
          .table('Global')
          .list()
          .map(({ ratio, sequence }) => [ratio, sequence]),
        [[0.25, -5]],
      );
    }
  },

  'names of rows to be inserted can be used before and after their insert': async (db) => {
    const tx = db.transaction();
    const net = tx.insert(
      'Net',
      { name: 'n', ports: [{ named: 'later' }], friends: [{ named: 'self' }] },
      'self',
    );
    const port = tx.insert('Port', { name: 'p' }, 'later');
    tx.update('Net', [['name', '==', 'n']], { main_port: port });
    const result = await tx.commit();
    const held = db.table('Net').get(result.uuidOf(net));
    assert.deepEqual(held?.ports, [result.uuidOf(port)]);
    assert.equal(held?.main_port, result.uuidOf(port));
    assert.deepEqual(held?.friends, [result.uuidOf(net)]);
    assert.equal(result.results[2]?.count, 1);
  },

  'rows are found by every declared column, and by each element of a set': async (db) => {
    const tx = db.transaction();
    const port = tx.insert('Port', { name: 'p' });
    const a = tx.insert('Net', { name: 'a', tags: ['x', 'y'], kind: 'flat', ports: [port] });
    const b = tx.insert('Net', { name: 'b', tags: ['y'] });
    const result = await tx.commit();
    const nets = db.table('Net');
    const names = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name).sort();
    assert.deepEqual(names(nets.where('name', 'a')), ['a']);
    assert.deepEqual(names(nets.where('tags', 'y')), ['a', 'b']);
    assert.deepEqual(names(nets.where('kind', 'flat')), ['a']);
    assert.deepEqual(names(nets.where('ports', result.uuidOf(port))), ['a']);
    await db
      .transaction()
      .mutate('Net', result.uuidOf(a), ['tags', 'delete', ['y']])
      .delete('Net', result.uuidOf(b))
      .commit();
    assert.deepEqual(names(nets.where('tags', 'y')), []);
    assert.deepEqual(names(nets.where('tags', 'x')), ['a']);
    assert.equal(
      nets.find(({ name }) => name === 'b'),
      undefined,
    );
  },

  'sets and maps are mutated': async (db) => {
    const uuid = await insertNet(db, 'n');
    const mutate = async (...mutations: Mutation<typeof sample.Net>[]): Promise<unknown> => {
      await db
        .transaction()
        .mutate('Net', uuid, ...mutations)
        .commit();
      return db.table('Net').get(uuid);
    };
    const check = async (work: Promise<unknown>, expected: object): Promise<void> => {
      const held = (await work) as object;
      assert.deepEqual({ ...held, ...expected }, held);
    };
    await check(mutate(['tags', 'insert', ['a', 'b']], ['tags', 'insert', ['b', 'c']]), {
      tags: ['a', 'b', 'c'],
    });
    await check(mutate(['tags', 'delete', ['b', 'z']]), { tags: ['a', 'c'] });
    await check(mutate(['options', 'insert', { k: '1', l: '2' }]), { options: { k: '1', l: '2' } });
    await check(mutate(['options', 'insert', { k: 'kept as it was', m: '3' }]), {
      options: { k: '1', l: '2', m: '3' },
    });
    await check(mutate(['options', 'delete', ['k', 'nothing']]), { options: { l: '2', m: '3' } });
    await check(mutate(['options', 'delete', { l: 'another', m: '3' }]), { options: { l: '2' } });
    await check(mutate(['options', 'delete', ['l']], ['options', 'insert', { l: 'new' }]), {
      options: { l: 'new' },
    });
    await check(mutate(['weight', 'insert', 5]), { weight: 5 });
    await check(mutate(['weight', '+=', 10], ['weight', '*=', 4], ['weight', '/=', 7], ['weight', '%=', 5]), {
      weight: 3,
    });
    await check(mutate(['weight', '-=', 3]), { weight: 0 });
  },

  'refuses a mutation past the bounds of its column, and changes nothing': async (db) => {
    const uuid = await insertNet(db, 'n');
    const tx = db.transaction();
    const port = tx.insert('Port', { name: 'p', zones: [1, 2, 3] });
    tx.update('Net', uuid, { ports: [port], weight: 1000 });
    const portUuid = (await tx.commit()).uuidOf(port);
    const full = await refusal(
      db
        .transaction()
        .mutate('Port', portUuid, ['zones', 'insert', [4]])
        .commit(),
    );
    assert.equal(full.code, 'constraint violation');
    const high = await refusal(
      db.transaction().comment('x').mutate('Net', uuid, ['weight', '+=', 1]).commit(),
    );
    assert.equal(high.code, 'constraint violation');
    assert.equal(high.opIndex, 1);
    const zero = await refusal(db.transaction().mutate('Net', uuid, ['weight', '/=', 0]).commit());
    assert.equal(zero.code, 'domain error');
    assert.equal(db.table('Net').get(uuid)?.weight, 1000);
    assert.deepEqual(db.table('Port').get(portUuid)?.zones, [1, 2, 3]);
  },

  'refuses values that the column does not allow': async (db) => {
    const inserts = [
      { name: 'n', weight: 1001 },
      { name: 'n', kind: 'other' as 'flat' },
      { name: 'n', label: '123456789' },
    ];
    for (const row of inserts) {
      const tx = db.transaction();
      tx.insert('Net', row);
      const error = await refusal(tx.commit());
      assert.deepEqual([error.code, error.opIndex, error.table], ['constraint violation', 0, 'Net']);
    }
    const local = db.transaction();
    local.insert('Net', { name: 7 as never });
    const error = await refusal(local.commit());
    assert.deepEqual([error.code, error.opIndex], ['invalid value', 0]);
    assert.equal(db.table('Net').size, 0);
  },

  'refuses a row without a value for a column whose constraints forbid the default': async (db) => {
    for (const row of [{ mode: 'in' }, { key: 1 }] as const) {
      const tx = db.transaction();
      tx.insert('Strict', row);
      const error = await refusal(tx.commit());
      assert.deepEqual([error.code, error.opIndex], ['constraint violation', 0]);
    }
    const tx = db.transaction();
    tx.insert('Strict', { mode: 'in', key: 1 });
    await tx.commit();
  },

  'a weak reference held twice by a row goes from both places, and stays known while one is left': async (
    db,
  ) => {
    const tx = db.transaction();
    const a = tx.insert('Net', { name: 'a' });
    const b = tx.insert('Net', { name: 'b' });
    const watch = tx.insert('Watch', { net: a, must: [a, b] });
    const result = await tx.commit();
    await db.transaction().update('Watch', result.uuidOf(watch), { net: null }).commit();
    await db.transaction().delete('Net', result.uuidOf(a)).commit();
    assert.deepEqual(db.table('Watch').get(result.uuidOf(watch))?.must, [result.uuidOf(b)]);
  },

  'refuses to change what is set only at insert': async (db) => {
    const tx = db.transaction();
    const port = tx.insert('Port', { name: 'p' });
    tx.insert('Net', { name: 'n', ports: [port] });
    const uuid = (await tx.commit()).uuidOf(port);
    const error = await refusal(db.transaction().update('Port', uuid, { name: 'q' }).commit());
    assert.equal(error.code, 'constraint violation');
  },

  'refuses a second row with the same value of an index, and lets it move within a transaction': async (
    db,
  ) => {
    const first = await insertNet(db, 'n');
    const tx = db.transaction();
    tx.insert('Net', { name: 'other' });
    tx.insert('Net', { name: 'n' });
    const error = await refusal(tx.commit());
    assert.equal(error.code, 'constraint violation');
    assert.equal(error.opIndex, undefined, 'the commit failed, not an operation');
    assert.equal(db.table('Net').size, 1);
    const moving = db.transaction().update('Net', first, { name: 'm' });
    moving.insert('Net', { name: 'n' });
    await moving.commit();
    assert.deepEqual(
      db
        .table('Net')
        .list()
        .map(({ name }) => name)
        .sort(),
      ['m', 'n'],
    );
    const swap = db.transaction().update('Net', [['name', '==', 'm']], { name: 'n' });
    assert.equal((await refusal(swap.commit())).code, 'constraint violation');
    const replacing = db.transaction().delete('Net', [['name', '==', 'm']]);
    replacing.insert('Net', { name: 'm' });
    await replacing.commit();
  },

  'refuses more rows than the table may have': async (db) => {
    const tx = db.transaction();
    tx.insert('Global', { sequence: 1 });
    await tx.commit();
    const more = db.transaction();
    more.insert('Global', { sequence: 2 });
    assert.equal((await refusal(more.commit())).code, 'constraint violation');
  },

  'refuses strong references that would dangle': async (db) => {
    const missing = db.transaction();
    missing.insert('Net', { name: 'n', ports: ['6f0e2c7c-6b0f-4a52-a3a4-3e07f5a2f8a1'] });
    assert.equal((await refusal(missing.commit())).code, 'referential integrity violation');
    const unnamed = db.transaction();
    unnamed.insert('Net', { name: 'n', main_port: { named: 'never' } });
    assert.equal((await refusal(unnamed.commit())).code, 'referential integrity violation');
    const tx = db.transaction();
    const port = tx.insert('Port', { name: 'p' });
    const net = tx.insert('Net', { name: 'n', ports: [port] });
    const result = await tx.commit();
    const error = await refusal(db.transaction().delete('Port', result.uuidOf(port)).commit());
    assert.equal(error.code, 'referential integrity violation');
    await db
      .transaction()
      .delete('Port', result.uuidOf(port))
      .update('Net', result.uuidOf(net), { ports: [] })
      .commit();
    assert.equal(db.table('Port').size, 0);
  },

  'rows that nothing keeps alive go, with all that only they kept': async (db) => {
    const orphan = db.transaction();
    orphan.insert('Port', { name: 'nobody' });
    await orphan.commit();
    assert.equal(db.table('Port').size, 0);
    const tx = db.transaction();
    const part = tx.insert('Part', { name: 'shared' });
    const own = tx.insert('Part', { name: 'own' });
    const p = tx.insert('Port', { name: 'p', parts: [part, own] });
    const q = tx.insert('Port', { name: 'q', parts: [part] });
    const a = tx.insert('Net', { name: 'a', ports: [p, q], main_port: q });
    const b = tx.insert('Net', { name: 'b', ports: [q] });
    const result = await tx.commit();
    await db
      .transaction()
      .mutate('Net', result.uuidOf(a), ['ports', 'delete', [result.uuidOf(p)]])
      .commit();
    assert.deepEqual(
      db
        .table('Port')
        .list()
        .map(({ name }) => name),
      ['q'],
    );
    assert.deepEqual(
      db
        .table('Part')
        .list()
        .map(({ name }) => name),
      ['shared'],
    );
    await db.transaction().delete('Net', result.uuidOf(a)).commit();
    assert.equal(db.table('Port').size, 1, 'kept by the other net');
    await db.transaction().delete('Net', result.uuidOf(b)).commit();
    assert.deepEqual([db.table('Port').size, db.table('Part').size], [0, 0]);
  },

  'weak references go with their row, unless the column needs one': async (db) => {
    const tx = db.transaction();
    const a = tx.insert('Net', { name: 'a' });
    const b = tx.insert('Net', { name: 'b', friends: [a, '6f0e2c7c-6b0f-4a52-a3a4-3e07f5a2f8a1'] });
    const watch = tx.insert('Watch', { net: a, must: [a, b] });
    const result = await tx.commit();
    assert.deepEqual(
      db.table('Net').get(result.uuidOf(b))?.friends,
      [result.uuidOf(a)],
      'one to no row never was',
    );
    await db.transaction().delete('Net', result.uuidOf(a)).commit();
    assert.deepEqual(db.table('Net').get(result.uuidOf(b))?.friends, []);
    const { net, must } = db.table('Watch').get(result.uuidOf(watch))!;
    assert.deepEqual([net, must], [null, [result.uuidOf(b)]]);
    assert.deepEqual(db.table('Watch').where('net', result.uuidOf(a)), []);
    const error = await refusal(db.transaction().delete('Net', result.uuidOf(b)).commit());
    assert.equal(error.code, 'constraint violation');
  },

  'conditions compare as they should': async (db) => {
    const tx = db.transaction();
    tx.insert('Net', { name: 'a', weight: 1, tags: ['x'], options: { k: '1' } });
    tx.insert('Net', { name: 'b', weight: 5, tags: ['x', 'y'], options: { k: '2', l: '3' } });
    tx.insert('Net', { name: 'c' });
    await tx.commit();
    const hits = async (...where: Condition<typeof sample.Net>[]): Promise<number | undefined> =>
      (await db.transaction().update('Net', where, { up: true }).commit()).results[0]?.count;
    assert.equal(await hits(), 3);
    assert.equal(await hits(['name', '!=', 'a']), 2);
    assert.equal(await hits(['tags', 'includes', ['x']]), 2);
    assert.equal(await hits(['tags', 'excludes', ['y']]), 2);
    assert.equal(await hits(['tags', '==', ['y', 'x']]), 1);
    assert.equal(await hits(['tags', '==', []]), 1);
    assert.equal(await hits(['options', 'includes', { k: '2' }]), 1);
    assert.equal(await hits(['options', 'excludes', { k: '2' }]), 2);
    assert.equal(await hits(['options', 'includes', {}]), 3);
    assert.equal(await hits(['weight', '>=', 1]), 2);
    assert.equal(await hits(['weight', '<', 5]), 1);
    assert.equal(await hits(['weight', '==', null]), 1);
    assert.equal(await hits(['weight', '>', 0], ['name', '==', 'b']), 1);
    assert.equal(await hits(['_uuid', '!=', db.table('Net').where('name', 'a')[0]!._uuid]), 2);
  },
};

runOnEveryServer(cases);
