// A Ceph cluster for tests: of one node, in a network namespace of its own. Some four seconds until it is there.
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { Supervisor } from '#platform/supervise/supervisor.ts';
import type { CephCluster } from '../access.ts';
import {
  makeObjectStore,
  makePools,
  startMonitor,
  startObjectStore,
  stopMonitor,
  stopObjectStore,
} from '../private-cluster/daemons.ts';
import { freePort } from '../private-cluster/free-port.ts';
import { planPrivateCluster, writeClusterFiles } from '../private-cluster/files.ts';

export interface TestCluster extends AsyncDisposable {
  readonly cluster: CephCluster;
  readonly dir: string;
  /** A command of the cluster's administrator. */
  ceph(...args: string[]): Promise<string>;
  rbd(...args: string[]): Promise<string>;
}

const GIB = 2 ** 30;
const ADDRESS = '10.98.0.254';
const PROGRAMS = ['ceph-mon', 'ceph-osd', 'ceph-mgr', 'ceph', 'rbd'];

/** Why a cluster cannot be had here; undefined when it can. */
export async function whyNoCluster(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root';
  const which = await runCommand(['which', ...PROGRAMS], { okCodes: [0, 1] });
  const found = which.stdout.split('\n').filter((line) => line !== '').length;
  return found === PROGRAMS.length ? undefined : 'the packages of Ceph are not installed';
}

export interface TestClusterOptions {
  /** On the loopback of the machine, as a cluster that is not the cloud's own. */
  readonly onMachine?: boolean;
}

export async function startTestCluster({ onMachine = false }: TestClusterOptions = {}): Promise<TestCluster> {
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp('/tmp/pceph-');
  undo.defer(async () => rm(dir, { recursive: true, force: true }));
  const cloud = dir.slice('/tmp/'.length);
  const netns = onMachine ? undefined : cloud;
  if (netns !== undefined) {
    await runCommand(['ip', 'netns', 'add', netns]);
    undo.defer(async () => void (await runCommand(['ip', 'netns', 'delete', netns])));
    const lines = `link set lo up\naddr add ${ADDRESS}/32 dev lo\n`;
    await runCommand(['ip', '-n', netns, '-batch', '-'], { input: lines });
  }
  const planned = planPrivateCluster({
    dir: join(dir, 'ceph'),
    netns,
    monitor: onMachine ? { host: '127.0.0.1', port: await freePort() } : { host: ADDRESS, port: 3300 },
    capacityBytes: 20 * GIB,
  });
  writeClusterFiles(planned);
  const supervisor = undo.use(new Supervisor({ cloud, recordFile: join(dir, 'processes.json') }));
  const context = { planned, supervisor, log: (name: string) => join(dir, `${name}.log`) };
  undo.defer(async () => stopMonitor(context));
  undo.defer(async () => stopObjectStore(context));
  await Promise.all([makeObjectStore(context), startMonitor(context)]);
  await startObjectStore(context);
  await makePools(context);
  const owned = undo.move();
  const admin = async (program: string, args: string[]): Promise<string> => {
    const argv = [program, '--conf', planned.cluster.confFile, '--id', 'admin', ...args];
    return (await runCommand(argv, { netns, deadlineMs: 60_000 })).stdout;
  };
  return {
    cluster: planned.cluster,
    dir: planned.dir,
    ceph: async (...args) => admin('ceph', args),
    rbd: async (...args) => admin('rbd', args),
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}
