// All six services in one process, each on a database in memory, compute with the real image, network and
// volume services as its peers. It counts what a request costs: statements of every database, and requests between services.
import assert from 'node:assert/strict';
import { CompiledQuery } from 'kysely';
import { createPlacementService } from '#placement/service.ts';
import { MICROVERSIONS as COMPUTE } from '#compute/discovery/routes.ts';
import { MICROVERSIONS as PLACEMENT } from '#placement/root/routes.ts';
import { MICROVERSIONS as VOLUME } from '#volume/discovery/routes.ts';
import { ADMIN_PASSWORD, startIdentity, type Identity } from '#identity/testing/identity-harness.ts';
import type { Database } from '#platform/sql/database.ts';
import { systemClock } from '#platform/context/clock.ts';
import { inProcessTransport, type Transport } from '#platform/clients/transport.ts';
import { startComputeHarness, type ComputeHarness } from '#test/support/compute-harness.ts';
import { startImages, type ImageHarness } from '#test/support/image-harness.ts';
import { networkHarness, type NetworkHarness } from '#test/support/network-harness.ts';
import {
  mountForTest,
  type Answer,
  type CallOptions,
  type JsonValue,
  type Mounted,
} from '#test/support/service-harness.ts';
import { startVolumes, type VolumeHarness } from '#test/support/volume-harness.ts';
import type { SERVICES } from '#cli/api-index/collect.ts';

export type ServiceName = (typeof SERVICES)[number];
export type Ids = Record<string, string>;

export interface Cost {
  readonly statements: number;
  /** Between services. */
  readonly requests: number;
}

export interface ListWorld extends AsyncDisposable {
  readonly identity: Identity;
  readonly compute: ComputeHarness;
  readonly image: ImageHarness;
  readonly network: NetworkHarness;
  readonly volume: VolumeHarness;
  /** What stands for the parameters of paths; filled by whoever grows the world. */
  readonly ids: Ids;
  /** Tokens of identity by name; those of other services are the callers' names. */
  readonly tokens: Record<string, string>;
  ask(service: ServiceName, method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** @returns the body of an answer up to 300, as that of a list of versions */
  ok(service: ServiceName, method: string, path: string, options?: AskOptions): Promise<JsonValue>;
  spent(): Cost;
  /** What SQLite reads row by row, without an index, for all that `work` asks of it: `SCAN ports: select …`. */
  scansOf(work: () => Promise<unknown>): Promise<string[]>;
}

export interface AskOptions {
  /** Default: `admin` in identity and placement, else `member`. */
  readonly as?: string;
  readonly body?: unknown;
  /** Default: the newest. */
  readonly version?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const NEWEST: Partial<Record<ServiceName, string>> = {
  compute: COMPUTE.max,
  placement: PLACEMENT.max,
  volume: VOLUME.max,
};

const MEMORY = 'sqlite::memory:';
const UNLIMITED: Readonly<Record<string, number>> = Object.fromEntries(
  'network subnet port router floatingip security_group security_group_rule subnetpool rbac_policy'
    .split(' ')
    .map((name) => [name, -1]),
);

export async function startListWorld(): Promise<ListWorld> {
  await using stack = new AsyncDisposableStack();
  let requests = 0;
  const counted = (transport: Transport): Transport => ({
    send: async (request) => {
      requests += 1;
      return transport.send(request);
    },
  });
  const identity = stack.use(await startIdentity());
  const image = stack.use(await startImages({}, { databaseUrl: MEMORY }));
  const network = stack.use(await networkHarness({ quotas: UNLIMITED }));
  const volume = stack.use(
    await startVolumes({ databaseUrl: MEMORY, backends: [{ name: 'memory', totalGb: 10_000 }] }),
  );
  const compute = stack.use(
    await startComputeHarness({
      image: counted(image.inProcess),
      network: counted(inProcessTransport(network.app, '/network')),
      volume: counted(inProcessTransport(volume.app, '/volume')),
    }),
  );
  const placement = stack.use(await mountPlacement(compute));
  const tokens: Record<string, string> = {
    admin: await identity.admin(),
    system: await identity.logIn('admin', ADMIN_PASSWORD, { system: { all: true } }),
  };
  type Callable = { call(method: string, url: string, options?: CallOptions): Promise<Answer> };
  const services: Record<ServiceName, Callable> = { identity, placement, image, network, volume, compute };
  const databases: readonly Watched[] = [
    watched(identity.service.deps.db),
    watched(image.service.deps.db),
    watched(network.api.deps.db),
    watched(volume.service.deps.db),
    watched(compute.service.deps.db), // and placement's
  ];
  const ask: ListWorld['ask'] = async (service, method, path, { as, body, version, headers } = {}) => {
    const named = as ?? (service === 'identity' || service === 'placement' ? 'admin' : 'member');
    const newest = version ?? NEWEST[service];
    return services[service].call(method, path, {
      token: service === 'identity' ? (tokens[named] ?? named) : named,
      headers: {
        ...(newest === undefined ? {} : { 'openstack-api-version': `${service} ${newest}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  };
  const kept = stack.move();
  return {
    identity,
    compute,
    image,
    network,
    volume,
    ids: {},
    tokens,
    ask,
    ok: async (service, method, path, options) => {
      const answer = await ask(service, method, path, options);
      assert.ok(answer.status <= 300, `${service} ${method} ${path}: ${answer.status} ${shown(answer.body)}`);
      return answer.body;
    },
    scansOf: async (work) => {
      const watches = databases.map((db) => db.watch());
      await work();
      return (await Promise.all(watches.map(async (watch) => watch.scans()))).flat();
    },
    spent: () => ({ statements: databases.reduce((sum, db) => sum + db.statements, 0), requests }),
    [Symbol.asyncDispose]: async () => kept.disposeAsync(),
  };
}

interface Watched {
  readonly statements: number;
  watch(): { scans(): Promise<string[]> };
}

/** A scan of an index is one too: it reads all of it. */
const SCAN = /^SCAN (?!CONSTANT|json_each|\d)(?!.*VIRTUAL TABLE)/;

/** Outboxes are looked at now and then, whatever is asked; no answer is read from one. */
const OF_RELAYS = /from "outbox"/;

function watched<T>(db: Database<T>): Watched {
  let statements = 0;
  db.onStatement(({ sql }) => void (statements += OF_RELAYS.test(sql) ? 0 : 1));
  return {
    get statements() {
      return statements;
    },
    watch: () => {
      const seen: CompiledQuery[] = [];
      const watch = db.onStatement((statement) => void seen.push(statement));
      return {
        scans: async () => {
          watch[Symbol.dispose]();
          const reads = seen.filter(({ sql }) => /^\s*(select|with)\b/i.test(sql) && !OF_RELAYS.test(sql));
          return (await Promise.all(reads.map(async (each) => scansIn(db, each)))).flat();
        },
      };
    },
  };
}

async function scansIn<T>(db: Database<T>, { sql, parameters }: CompiledQuery): Promise<string[]> {
  const plan = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]);
  const { rows } = await db.kysely.executeQuery<unknown>(plan);
  const details = (rows as ReadonlyArray<{ detail: string }>).map((row) => row.detail);
  return details.filter((detail) => SCAN.test(detail)).map((detail) => `${detail}: ${sql}`);
}

/** On the database of compute, as in a cloud. */
async function mountPlacement(compute: ComputeHarness): Promise<Mounted & AsyncDisposable> {
  const context = { clock: systemClock, databaseUrl: MEMORY, policyOverrides: {} };
  const service = await createPlacementService(context, {}, compute.service.deps.db);
  const mounted = await mountForTest(service.api);
  return { ...mounted, [Symbol.asyncDispose]: async () => mounted.app.close() };
}

const shown = (body: unknown): string => JSON.stringify(body)?.slice(0, 500) ?? '';
