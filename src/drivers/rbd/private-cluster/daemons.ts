// The daemons of a one-node cluster: a monitor, an object store (OSD) on a sparse file, and a manager that counts. Each
// function is one phase of the start and may be repeated. Called by the steps of the bring-up and by tests.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import type { Supervisor } from '#platform/supervise/supervisor.ts';
import { socketAccepts, waitUntil } from '#platform/supervise/wait.ts';
import { POOLS } from '../access.ts';
import { firstKeyring, hasMonitorDatabase, hasObjectStore, markMade, type PrivateCluster } from './files.ts';

export interface ClusterContext {
  readonly planned: PrivateCluster;
  readonly supervisor: Supervisor;
  /** Path of a child's log. */
  readonly log: (name: string) => string;
  readonly signal?: AbortSignal | undefined;
}

const MONITOR = 'ceph-mon';
const OBJECT_STORE = 'ceph-osd';
const MANAGER = 'ceph-mgr';
/** Few groups: each takes memory, and there is one disk. */
const GROUPS = '8';

/** The object store's file: the part that needs no monitor. `writeClusterFiles` comes before everything. */
export async function makeObjectStore({ planned, signal }: ClusterContext): Promise<void> {
  if (hasObjectStore(planned)) return;
  const { daemonConf, kept } = planned;
  const mkfs = ['--mkfs', '--osd-uuid', kept.osd, '--no-mon-config'];
  await runCommand(['ceph-osd', '--conf', daemonConf, '--id', '0', ...mkfs], { deadlineMs: 60_000, signal });
}

/** Resolves when the monitor answers commands. */
export async function startMonitor(context: ClusterContext): Promise<void> {
  const { planned, supervisor, signal } = context;
  if (!hasMonitorDatabase(planned)) await makeMonitor(planned, signal);
  await supervisor.start(
    {
      name: MONITOR,
      argv: ['ceph-mon', '--conf', planned.daemonConf, '--id', 'a', '--foreground'],
      logFile: context.log(MONITOR),
      netns: planned.cluster.netns,
      ready: { check: () => socketAccepts(join(planned.dir, 'run', 'mon.a.asok')) },
    },
    signal,
  );
  await ask(context, ['mon', 'stat'], 30_000);
}

async function makeMonitor(planned: PrivateCluster, signal: AbortSignal | undefined): Promise<void> {
  const data = join(planned.dir, 'mon');
  const keyring = join(planned.dir, 'first.keyring');
  const map = join(planned.dir, 'first.monmap');
  const { fsid, monitor } = planned.kept;
  // A database that was begun and not finished is refused.
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(keyring, firstKeyring(planned), { mode: 0o600 });
  try {
    const address = ['--addv', 'a', `[v2:${monitor.host}:${monitor.port}]`];
    await runCommand(['monmaptool', '--create', '--clobber', ...address, '--fsid', fsid, map], { signal });
    const mkfs = ['--mkfs', '--id', 'a', '--keyring', keyring, '--monmap', map];
    await runCommand(['ceph-mon', '--conf', planned.daemonConf, ...mkfs], { deadlineMs: 30_000, signal });
  } finally {
    for (const file of [keyring, map]) rmSync(file, { force: true });
  }
}

/** Resolves when the object store takes part; the manager comes beside it. */
export async function startObjectStore(context: ClusterContext): Promise<void> {
  const { planned, supervisor, signal } = context;
  const { daemonConf, cluster, kept } = planned;
  if (!kept.made) await ask(context, ['osd', 'new', kept.osd, '0']);
  const start = async (name: string, program: string, id: string): Promise<unknown> =>
    supervisor.start(
      {
        name,
        argv: [program, '--conf', daemonConf, '--id', id, '--foreground'],
        logFile: context.log(name),
        netns: cluster.netns,
        // It writes what it has in memory before it ends.
        stop: { deadlineMs: 15_000 },
      },
      signal,
    );
  await Promise.all([start(OBJECT_STORE, 'ceph-osd', '0'), start(MANAGER, 'ceph-mgr', 'a')]);
  await waitUntil(async () => isUp(context), {
    what: 'the object store of Ceph',
    deadlineMs: 60_000,
    signal,
  });
}

/** A restart finds the map of the last run, in which the store may still be up: the daemon itself says it is active. */
async function isUp({ planned, signal }: ClusterContext): Promise<boolean> {
  const socket = join(planned.dir, 'run', 'osd.0.asok');
  if (!(await socketAccepts(socket))) return false;
  const argv = ['ceph', '--admin-daemon', socket, 'status', '--format', 'json'];
  const { code, stdout } = await runCommand(argv, { okCodes: [0, 1, 22], signal });
  return code === 0 && (JSON.parse(stdout) as { state?: string }).state === 'active';
}

/** The pools, made at the first start. Resolves when an image could be made in each, and it is known how much fits. */
export async function makePools(context: ClusterContext): Promise<void> {
  const { planned } = context;
  if (planned.kept.made) return;
  await Promise.all(
    Object.values(POOLS).map(async (pool) => {
      await ask(context, ['osd', 'pool', 'create', pool, GROUPS, GROUPS]);
      await ask(context, ['osd', 'pool', 'application', 'enable', pool, 'rbd']);
    }),
  );
  // The manager counts what is free some seconds later, and until then no pool is among what the cluster says it has.
  await waitUntil(async () => isCounted(context), {
    what: 'the room in the pools of Ceph',
    deadlineMs: 40_000,
    signal: context.signal,
  });
  // Without modules the manager is said to be in error, which is meant so.
  await ask(context, ['health', 'mute', 'MGR_MODULE_ERROR', '--sticky']);
  markMade(planned);
}

async function isCounted(context: ClusterContext): Promise<boolean> {
  const { pools } = JSON.parse(await ask(context, ['df', '--format', 'json'])) as {
    pools: ReadonlyArray<{ name: string; stats: { max_avail: number } }>;
  };
  return Object.values(POOLS).every((pool) =>
    pools.some(({ name, stats }) => name === pool && stats.max_avail > 0),
  );
}

/** The object store ends before the monitor, which notes that it is down. */
export async function stopObjectStore({ supervisor }: Pick<ClusterContext, 'supervisor'>): Promise<void> {
  await Promise.all([supervisor.stop(OBJECT_STORE), supervisor.stop(MANAGER)]);
}

export async function stopMonitor({ supervisor }: Pick<ClusterContext, 'supervisor'>): Promise<void> {
  await supervisor.stop(MONITOR);
}

/** A command of the cluster's administrator. */
async function ask(
  { planned, signal }: ClusterContext,
  command: readonly string[],
  deadlineMs = 30_000,
): Promise<string> {
  const argv = ['ceph', '--conf', planned.cluster.confFile, '--id', 'admin', ...command];
  const { netns } = planned.cluster;
  return (await runCommand(argv, { deadlineMs, netns, signal })).stdout;
}
