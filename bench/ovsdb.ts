// Latency of the OVSDB client against a private, real ovsdb-server. Prints JSON, times in milliseconds.
// Usage: node bench/ovsdb.ts [runs]
import { startRealServer, whyNoRealServer } from '#platform/ovsdb/test-support/real-server.ts';
import { sample } from '#platform/ovsdb/test-support/sample-model.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';

const runs = Number(process.argv[2] ?? 500);

/** Median, 99th percentile and worst of the measured durations, after a tenth as many runs to warm up. */
async function measure(work: (run: number) => Promise<unknown>): Promise<Record<string, number>> {
  const durations: number[] = [];
  const warmUp = Math.ceil(runs / 10);
  for (let run = 0; run < runs + warmUp; run++) {
    const start = performance.now();
    await work(run);
    if (run >= warmUp) durations.push(performance.now() - start);
  }
  durations.sort((a, b) => a - b);
  const at = (share: number): number => round(durations[Math.min(runs - 1, Math.floor(runs * share))] ?? NaN);
  return { runs, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}

async function main(): Promise<Record<string, unknown>> {
  const missing = whyNoRealServer();
  if (missing) throw new Error(missing);
  await using server = await startRealServer({ name: 'Sample', tables: sample });
  const connect = () => connectOvsdb({ endpoint: server.endpoint, database: 'Sample', tables: sample });
  await using db = connect();
  await db.ready;
  const insert = (name: string, options = {}): Promise<unknown> => {
    const tx = db.transaction();
    tx.insert('Net', { name, tags: ['a', 'b'], options: { key: 'value' } });
    return tx.commit(options);
  };
  const inserted = await measure((run) => insert(`insert ${run}`));
  const durable = await measure((run) => insert(`durable ${run}`, { durable: true }));
  const [first] = db.table('Net').list();
  const uuid = first?._uuid ?? '';
  const updated = await measure((run) =>
    db
      .transaction()
      .update('Net', uuid, { label: String(run) })
      .commit(),
  );
  const swapped = await measure(() => {
    const { label } = db.table('Net').get(uuid)!; // inserted above
    const next = String(Number(label) + 1);
    return db.transaction().wait('Net', uuid, { label }).update('Net', uuid, { label: next }).commit();
  });
  const many = await measure((run) => {
    const tx = db.transaction();
    const ports = Array.from({ length: 10 }, (_, i) => tx.insert('Port', { name: `port ${run} ${i}` }));
    tx.insert('Net', { name: `net ${run}`, ports });
    return tx.commit();
  });
  const rows = db.table('Net').size + db.table('Port').size;
  const start = performance.now();
  await using other = connect();
  await other.ready;
  return {
    what: 'OVSDB client against ovsdb-server, milliseconds until the change is in the own cache',
    node: process.version,
    insert: inserted,
    insert_durable: durable,
    update: updated,
    compare_and_set: swapped,
    transact_11_inserts: many,
    snapshot: { rows, milliseconds: round(performance.now() - start) },
  };
}

process.stdout.write(`${JSON.stringify(await main(), null, 2)}\n`);
