// The one simulated cloud of a test file, with attackers and what they attack. Knows whether a refused request changed
// anything, and what no answer may say.
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { until } from '#test/support/until.ts';
import { ROOT } from '#cli/api-index/collect.ts';
import { makeBelongings, type Ids } from './belongings.ts';
import { makeCallers, type Callers } from './callers.ts';
import { HostileClient } from './client.ts';
import { collectTargets, type Target } from './targets.ts';

export interface Stage extends AsyncDisposable {
  readonly cloud: TestCloud;
  readonly client: HostileClient;
  readonly callers: Callers;
  readonly ids: Ids;
  readonly targets: readonly Target[];
  readonly state: State;
}

export async function setStage(): Promise<Stage> {
  await using undo = new AsyncDisposableStack();
  const cloud = undo.use(await startCloud({ simulated: true }));
  const client = undo.use(new HostileClient((await cloud.access()).origin));
  const callers = await makeCallers(cloud, client);
  const ids: Record<string, string> = {
    ...(await makeBelongings(client, callers)),
    console: 'no-such-token',
  };
  const rules = await client.ok({
    method: 'GET',
    path: `/identity/v3/users/${callers.alice.userId}/access_rules`,
    token: callers.alice.token,
  });
  ids['access_rule'] = String((rules['access_rules'] as unknown as Array<{ id: string }>)[0]?.id);
  const state = undo.use(new State(join(cloud.running.data.path, 'services')));
  await until(
    async () => {
      const rows = state.rows();
      const steps = [...(rows.get('compute.saga_steps') ?? [])];
      const isRunning = steps.some((row) => row.includes('"running"'));
      // Flows are counted after a launch, and the count is written into its record.
      const isCounted = steps.every((row) => !row.includes('"network.bind"') || row.includes('counted_at'));
      return !isRunning && isCounted && rows.get('volume.outbox')?.size === 0;
    },
    {
      deadlineMs: 120_000,
      everyMs: 50,
      what: 'the launch to be over',
    },
  );
  const stack = undo.move();
  return {
    cloud,
    client,
    callers,
    ids,
    targets: await collectTargets(ids),
    state,
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

/** Changed by the cloud's own heartbeat and by work that ends later, not by requests: columns and whole tables. */
const RESTLESS: ReadonlySet<string> = new Set([
  'compute.compute_services.last_seen_at',
  'network.northbound_work',
  'volume.volume_services.last_seen_at',
  'volume.volume_services.report_json',
  'volume.volume_services.updated_at',
]);

/** How much is under way that requests began. */
const WORK: Readonly<Record<string, string>> = {
  compute: `SELECT (SELECT count(*) FROM outbox)
    + (SELECT count(*) FROM saga_steps WHERE state = 'running') AS work`,
  image: `SELECT count(*) AS work FROM image_tasks WHERE status IN ('pending', 'processing')`,
  volume: `SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM operations WHERE state = 'running')
    + (SELECT count(*) FROM volume_groups WHERE status IN ('creating', 'updating', 'deleting'))
    + (SELECT count(*) FROM group_snapshots WHERE status IN ('creating', 'deleting')) AS work`,
};

/** What all databases of the cloud hold, compared. */
export class State implements Disposable {
  readonly #databases: ReadonlyArray<readonly [string, DatabaseSync]>;

  constructor(directory: string) {
    this.#databases = globSync('*.db', { cwd: directory }).map((file) => [
      file.replace('.db', ''),
      new DatabaseSync(join(directory, file), { readOnly: true }),
    ]);
  }

  /** Grows with every commit of anybody; cheap to ask. */
  version(only: string): string {
    return this.#databases
      .filter(([name]) => name === only)
      .map(([, database]) => JSON.stringify(database.prepare('PRAGMA data_version').get()))
      .join();
  }

  /** Resolves when nothing is under way that a request to this service began and that changes its rows later. */
  async quiet(service: string): Promise<void> {
    const query = WORK[service];
    if (query === undefined) return;
    const [, database] = this.#databases.find(([name]) => name === service) ?? [];
    const open = database?.prepare(query);
    await until(async () => Number((open?.get() as { work: number } | undefined)?.work ?? 0) === 0, {
      deadlineMs: 120_000,
      everyMs: 5,
      what: `the work of ${service} to be over`,
    });
  }

  /** Every row of every table as text; of one database, when it is named. */
  rows(only?: string): Map<string, Set<string>> {
    const all = new Map<string, Set<string>>();
    for (const [name, database] of this.#databases) {
      if (only !== undefined && name !== only) continue;
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
      for (const { name: table } of tables as Array<{ name: string }>) {
        if (RESTLESS.has(`${name}.${table}`)) continue;
        const rows = database.prepare(`SELECT * FROM "${table}"`).all();
        all.set(`${name}.${table}`, new Set(rows.map((row) => shown(`${name}.${table}`, row))));
      }
    }
    return all;
  }

  /** What changed since `before`, a line each: `- network.ports {…}`. */
  changesSince(before: ReadonlyMap<string, ReadonlySet<string>>, only?: string): string[] {
    const changes: string[] = [];
    for (const [table, rows] of this.rows(only)) {
      const old = before.get(table) ?? new Set();
      for (const row of rows.difference(old)) changes.push(`+ ${table} ${row}`);
      for (const row of old.difference(rows)) changes.push(`- ${table} ${row}`);
    }
    return changes;
  }

  [Symbol.dispose](): void {
    for (const [, database] of this.#databases) database.close();
  }
}

function shown(table: string, row: Readonly<Record<string, unknown>>): string {
  const lasting = Object.entries(row).filter(([column]) => !RESTLESS.has(`${table}.${column}`));
  return JSON.stringify(Object.fromEntries(lasting), (_, value: unknown) =>
    typeof value === 'bigint'
      ? String(value)
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : value,
  );
}

const INDISCREET = [
  /^\s+at .+:\d+:\d+/m,
  /node_modules|node:internal/,
  /\.ts:\d+/,
  /sqlite|postgres|kysely/i,
  /\b(select .+ from|insert into|update .+ set|delete from)\b/i,
  /UNIQUE constraint|FOREIGN KEY|NOT NULL constraint/,
  /cannot read propert|is not a function|is not iterable|undefined \(/i,
];

/** What the answer tells that is nobody's business: a stack, a path of the machine, SQL. Undefined when it is discreet. */
export function indiscretion(text: string, cloud: TestCloud): string | undefined {
  const told = INDISCREET.find((pattern) => pattern.test(text));
  if (told) return `${told} in ${text.slice(0, 300)}`;
  const path = [cloud.running.data.path, ROOT].find((each) => text.includes(each));
  return path && `${path} in ${text.slice(0, 300)}`;
}
