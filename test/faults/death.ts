// Kills a cloud at the n-th write of its launch record, brings it up again and holds it to its promise: done or undone, with a
// reason, and nothing left. Each run recovers from the death before it, so that a matrix costs one start a death.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiSession } from '#test/support/api-session.ts';
import { freeListen, startChildCloud, sweep, type ChildCloud } from '#test/support/child-cloud.ts';
import { until } from '#test/support/until.ts';
import { assertSound } from './audit.ts';

export interface Death {
  readonly at: number;
  readonly when: 'before' | 'after';
}

export interface Survival extends Death {
  /** What became of the server: `ACTIVE`, `ERROR: reason`, `gone`. */
  readonly outcome: string;
  readonly settledMs: number;
}

export interface DeathMatrix {
  /** `move`: a resize, and its revert; `shelve` and `rescue` with their ends too; `evacuate`: from a host that is forced down; `live migration`. */
  readonly operation: 'launch' | 'delete' | 'move' | 'shelve' | 'rescue' | 'evacuate' | 'live migration';
  readonly simulated: boolean;
  /** The server boots from a volume that the launch makes, and has another. */
  readonly volumes?: boolean;
  /** Writes of the record at which it dies, from 1; undefined: every one there is. */
  readonly deaths?: readonly Death[];
  readonly of?: 'saga' | 'all';
  /** Of every write: just before it is on disk, just after, or (default) both. */
  readonly when?: ReadonlyArray<Death['when']>;
  readonly onSurvival?: (survival: Survival) => void;
}

const SETTLE_MS = 60_000;
/** Longer than any pause between two writes of a launch that works. */
const QUIET_MS = 1500;

export async function runDeaths(matrix: DeathMatrix): Promise<Survival[]> {
  const dataPath = await mkdtemp(join(tmpdir(), 'pld-'));
  const listen = await freeListen();
  const survivals: Survival[] = [];
  const start = async (die?: Death): Promise<ChildCloud> =>
    startChildCloud({
      dataPath,
      listen,
      simulated: matrix.simulated,
      ...(die ? { die: { ...die, of: matrix.of ?? 'saga' } } : {}),
    });
  let died: Death | undefined;
  const recover = async (cloud: ChildCloud): Promise<void> => {
    if (!died) return;
    const survival = { ...died, ...(await survived(cloud, died)) };
    survivals.push(survival);
    matrix.onSurvival?.(survival);
  };
  try {
    await (await start())[Symbol.asyncDispose](); // the first start fills the cloud, which is not what is tested
    for (const death of matrix.deaths ?? everyDeath(matrix.when)) {
      await using cloud = await start(death);
      await recover(cloud);
      died = undefined;
      if (!(await diesIn(cloud, matrix))) break;
      died = death;
    }
    if (died) {
      await using cloud = await start();
      await recover(cloud);
    }
  } finally {
    if (!matrix.simulated) await sweep(dataPath);
    await rm(dataPath, { recursive: true, force: true });
  }
  return survivals;
}

function* everyDeath(moments: NonNullable<DeathMatrix['when']> = ['before', 'after']): Generator<Death> {
  for (let at = 1; ; at++) for (const when of moments) yield { at, when };
}

/** False when the operation ended before the process died: there are no more writes. */
async function diesIn(cloud: ChildCloud, { operation, volumes }: DeathMatrix): Promise<boolean> {
  const demo = await cloud.session();
  const wanted = volumes ? await onVolumes(demo) : {};
  let id: string | undefined;
  if (operation !== 'launch') {
    id = await demo.launch('doomed', wanted);
    await readyOf(demo, id);
  }
  const admin = await cloud.session('pileus-admin');
  if (operation === 'evacuate' && id !== undefined) await forceDown(admin, await hostOf(admin, id));
  await cloud.arm();
  const isDead = cloud.ended.then(() => true);
  const act = async (): Promise<false> => {
    if (id === undefined) {
      id = await demo.launch('doomed', wanted);
      await readyOf(demo, id);
    } else if (operation !== 'delete') {
      const by = BY_OPERATORS.has(operation) ? admin : demo;
      for (const action of await actionsOf(demo, operation)) {
        await by.request('POST', `/compute/v2.1/servers/${id}/action`, action);
        await demo.settled(id, SETTLE_MS);
      }
    } else {
      await demo.request('DELETE', `/compute/v2.1/servers/${id}`);
      await demo.settled(id, SETTLE_MS);
    }
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS).unref());
    return false;
  };
  // A request that the process took with it fails; it is the process's end that counts.
  return Promise.race([isDead, act().catch(async () => isDead)]);
}

const BY_OPERATORS: ReadonlySet<DeathMatrix['operation']> = new Set(['evacuate', 'live migration']);

/** There, and back. */
async function actionsOf(
  demo: ApiSession,
  operation: Exclude<DeathMatrix['operation'], 'delete'>,
): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> {
  if (operation === 'shelve') return [{ shelve: null }, { unshelve: null }];
  if (operation === 'evacuate') return [{ evacuate: {} }];
  if (operation === 'live migration') return [{ 'os-migrateLive': { host: null, block_migration: 'auto' } }];
  if (operation === 'rescue') return [{ rescue: null }, { unrescue: null }];
  const flavorRef = await demo.find('/compute/v2.1/flavors', 'm1.micro');
  return [{ resize: { flavorRef } }, { revertResize: null }];
}

async function hostOf(admin: ApiSession, id: string): Promise<string> {
  return (await admin.server(id))?.['OS-EXT-SRV-ATTR:host'] ?? 'none';
}

/** Only that host; all are up again when there is none. */
async function forceDown(admin: ApiSession, host?: string): Promise<void> {
  const { body } = await admin.request('GET', '/compute/v2.1/os-services?binary=nova-compute');
  for (const service of body['services'] as Array<{ id: string; host: string; forced_down: boolean }>) {
    const forced_down = service.host === host;
    if (service.forced_down === forced_down) continue;
    const { status } = await admin.request('PUT', `/compute/v2.1/os-services/${service.id}`, { forced_down });
    if (status !== 200) throw new Error(`os-services answers ${status}`);
  }
}

/** Both volumes go with the server, so that what is left is found as an orphan. */
async function onVolumes(demo: ApiSession): Promise<Record<string, unknown>> {
  const common = { destination_type: 'volume', volume_size: 1, delete_on_termination: true };
  const image = await demo.find('/image/v2/images', 'pileus-demo');
  return {
    imageRef: '',
    block_device_mapping_v2: [
      { ...common, uuid: image, source_type: 'image', boot_index: 0 },
      { ...common, source_type: 'blank' },
    ],
  };
}

async function readyOf(demo: ApiSession, id: string): Promise<void> {
  const server = await demo.settled(id, SETTLE_MS);
  if (server?.status !== 'ACTIVE')
    throw new Error(`the server is ${server?.status}: ${server?.fault?.message}`);
  await until(async () => (await demo.trace(id)).hops.find((hop) => hop.hop === 'ready')?.state === 'done', {
    deadlineMs: SETTLE_MS,
    what: 'the guest to be ready',
    everyMs: 50,
  });
}

/** What a server is in when nothing is done with it. */
const SETTLED = /^(ACTIVE|VERIFY_RESIZE|SHELVED|SHELVED_OFFLOADED|RESCUE)$/;

async function survived(cloud: ChildCloud, { at, when }: Death): Promise<Omit<Survival, keyof Death>> {
  const began = Date.now();
  const admin = await cloud.session('pileus-admin');
  const { body } = await admin.request('GET', '/compute/v2.1/servers?all_tenants=1');
  const [found] = body['servers'] as Array<{ id: string }>;
  const server = found && (await admin.settled(found.id, SETTLE_MS));
  const settledMs = Date.now() - began;
  await forceDown(admin);
  const name = `after death ${when} write ${at}`;
  await assertSound(cloud.dataPath, name);
  const outcome = !server
    ? 'gone'
    : SETTLED.test(server.status)
      ? server.status
      : `${server.status}: ${server.fault?.message}`;
  if (!server) await noVolumes(admin, name);
  if (server && !SETTLED.test(outcome) && !/^ERROR: .*\w/.test(outcome))
    throw new Error(`${name} the server is ${outcome}`);
  if (server) {
    await admin.request('DELETE', `/compute/v2.1/servers/${server.id}`);
    if (await admin.settled(server.id, SETTLE_MS)) throw new Error(`${name} the server cannot be deleted`);
    await noVolumes(admin, name);
    await noShelvedImages(admin, name);
    await assertSound(cloud.dataPath, `${name} and the delete`);
  }
  return { outcome, settledMs };
}

/** Every volume of these servers is to go with them. */
async function noVolumes(admin: ApiSession, when: string): Promise<void> {
  const list = async (): Promise<unknown[]> =>
    (await admin.request('GET', '/volume/v3/volumes?all_tenants=1')).body['volumes'] as unknown[];
  await until(async () => (await list()).length === 0, {
    deadlineMs: SETTLE_MS,
    what: `no volume to be left ${when}`,
    everyMs: 100,
  });
}

async function noShelvedImages(admin: ApiSession, when: string): Promise<void> {
  const { images } = (await admin.request('GET', '/image/v2/images?name=doomed-shelved')).body;
  if ((images as unknown[]).length > 0) throw new Error(`${when} the image of the shelved server is left`);
}
