// Files of a one-node cluster of our own: settings, keys and what is kept of it. Written anew at each start from what is
// kept, so that the directory may move and settings may change; keys and ids stay. Called by the steps of the bring-up.
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { USER_RIGHTS, type CephCluster, type Monitor } from '../access.ts';

const GIB = 2 ** 30;

/** What makes it the same cluster at the next start. */
interface Kept {
  readonly fsid: string;
  readonly osd: string;
  readonly secret: string;
  readonly monitor: Monitor;
  readonly capacityBytes: number;
  /** By name: `client.cinder`, `osd.0`. */
  readonly keys: Readonly<Record<string, string>>;
  /** Everything was there once; before that nothing in it is anybody's. */
  readonly made: boolean;
}

export interface PrivateCluster {
  readonly dir: string;
  readonly cluster: CephCluster;
  readonly kept: Kept;
  /** Settings of the daemons. */
  readonly daemonConf: string;
}

export interface PrivateClusterOptions {
  /** Absolute and short, with mode 0700: keys and sockets are below. */
  readonly dir: string;
  readonly netns?: string | undefined;
  /** Where the monitor listens; kept from the first time on. */
  readonly monitor: Monitor;
  /** Of the object store's sparse file; by default half of what the file system has free, at most 100 GiB. */
  readonly capacityBytes?: number;
}

const ADMIN = { mon: 'allow *', mgr: 'allow *', osd: 'allow *' };
const DAEMONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'mon.': { mon: 'allow *' },
  'osd.0': { mon: 'allow profile osd', mgr: 'allow profile osd', osd: 'allow *' },
  'mgr.a': { mon: 'allow profile mgr', osd: 'allow *' },
};

/** Reads or makes what is kept of the cluster. An unfinished first start is forgotten with all it wrote. */
export function planPrivateCluster(options: PrivateClusterOptions): PrivateCluster {
  const { dir, netns } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const kept = readKept(dir) ?? makeKept(options);
  const confFile = join(dir, 'client.conf');
  const { fsid, monitor, secret } = kept;
  return {
    dir,
    kept,
    daemonConf: join(dir, 'ceph.conf'),
    cluster: { fsid, monitors: [monitor], netns, confFile, secretId: secret },
  };
}

function readKept(dir: string): Kept | undefined {
  try {
    const kept = JSON.parse(readFileSync(join(dir, 'cluster.json'), 'utf8')) as Kept;
    if (kept.made) return kept;
  } catch {
    // never made, or cut off in the middle of the first start
  }
  return undefined;
}

function makeKept({ dir, monitor, capacityBytes }: PrivateClusterOptions): Kept {
  for (const part of ['mon', 'osd', 'mgr']) rmSync(join(dir, part), { recursive: true, force: true });
  const { bavail, bsize } = statfsSync(dir);
  const half = Math.floor((bavail * bsize) / 2 / GIB) * GIB;
  const users = Object.keys(USER_RIGHTS).map((user) => `client.${user}`);
  const names = [...Object.keys(DAEMONS), 'client.admin', ...users];
  return {
    fsid: randomUUID(),
    osd: randomUUID(),
    secret: randomUUID(),
    monitor,
    capacityBytes: capacityBytes ?? Math.max(4 * GIB, Math.min(half, 100 * GIB)),
    keys: Object.fromEntries(names.map((name) => [name, makeKey()])),
    made: false,
  };
}

/** A cephx key: type 1 (AES), when it was made (seconds, nanoseconds), 16 bytes. */
function makeKey(): string {
  const head = Buffer.alloc(12);
  head.writeUInt16LE(1, 0);
  head.writeUInt32LE(Math.floor(Date.now() / 1000), 2);
  head.writeUInt16LE(16, 10);
  return Buffer.concat([head, randomBytes(16)]).toString('base64');
}

/** Writes everything that the daemons and the clients read. */
export function writeClusterFiles({ dir, kept, daemonConf, cluster }: PrivateCluster): void {
  for (const part of ['mon', 'osd', 'mgr', 'run', 'modules'])
    mkdirSync(join(dir, part), { recursive: true, mode: 0o700 });
  // Left by daemons that were killed; a client that finds one says so on each command.
  for (const daemon of ['mon.a', 'osd.0', 'mgr.a'])
    rmSync(join(dir, 'run', `${daemon}.asok`), { force: true });
  writePrivate(daemonConf, daemonSettings(dir, kept));
  writePrivate(cluster.confFile, clientSettings(dir, kept));
  for (const [name, key] of Object.entries(kept.keys)) {
    if (name.startsWith('client.')) writePrivate(join(dir, `${name}.keyring`), section(name, { key }));
  }
  writePrivate(join(dir, 'osd', 'keyring'), section('osd.0', { key: kept.keys['osd.0'] }));
  writePrivate(join(dir, 'mgr', 'keyring'), section('mgr.a', { key: kept.keys['mgr.a'] }));
  writePrivate(join(dir, 'cluster.json'), `${JSON.stringify(kept, null, 1)}\n`);
}

/** All users with their rights, for the monitor's first database. */
export function firstKeyring({ kept }: PrivateCluster): string {
  const clients = Object.entries(USER_RIGHTS).map(([user, caps]) => [`client.${user}`, caps] as const);
  const all = [...Object.entries(DAEMONS), ['client.admin', ADMIN] as const, ...clients];
  return all
    .map(([name, caps]) => {
      const lines = Object.entries(caps).map(([service, cap]) => [`caps ${service}`, `"${cap}"`] as const);
      return section(name, { key: kept.keys[name], ...Object.fromEntries(lines) });
    })
    .join('');
}

/** From now on what is in it is kept. */
export function markMade({ dir, kept }: PrivateCluster): void {
  writePrivate(join(dir, 'cluster.json'), `${JSON.stringify({ ...kept, made: true }, null, 1)}\n`);
}

export function hasMonitorDatabase({ dir }: PrivateCluster): boolean {
  return existsSync(join(dir, 'mon', 'store.db', 'CURRENT'));
}

/** BlueStore writes it last. */
export function hasObjectStore({ dir }: PrivateCluster): boolean {
  return existsSync(join(dir, 'osd', 'mkfs_done'));
}

function writePrivate(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function section(name: string, values: Readonly<Record<string, string | number | undefined>>): string {
  return `[${name}]\n${Object.entries(values)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('')}`;
}

function clientSettings(dir: string, { fsid, monitor }: Kept): string {
  return section('global', {
    fsid,
    mon_host: `[v2:${monitor.host}:${monitor.port}]`,
    auth_client_required: 'cephx',
    keyring: join(dir, '$name.keyring'),
    log_to_file: 'false',
    // A cluster that does not answer is told as such, rather than waited for.
    client_mount_timeout: 20,
  });
}

function daemonSettings(dir: string, { fsid, monitor, capacityBytes }: Kept): string {
  const quiet = ['mon', 'osd', 'mgr', 'bluestore', 'bluefs', 'bdev', 'rocksdb', 'paxos', 'ms', 'mgrc'];
  const global = section('global', {
    fsid,
    mon_host: `[v2:${monitor.host}:${monitor.port}]`,
    ms_bind_msgr1: 'false',
    ms_bind_ipv6: String(monitor.host.includes(':')),
    ms_bind_ipv4: String(!monitor.host.includes(':')),
    auth_cluster_required: 'cephx',
    auth_service_required: 'cephx',
    auth_client_required: 'cephx',
    // One disk: no copies of what is on it.
    osd_pool_default_size: 1,
    osd_pool_default_min_size: 1,
    osd_crush_chooseleaf_type: 0,
    osd_pool_default_pg_autoscale_mode: 'off',
    log_to_file: 'false',
    log_to_stderr: 'true',
    err_to_stderr: 'true',
    ...Object.fromEntries(quiet.map((part) => [`debug_${part}`, '0/0'])),
    run_dir: join(dir, 'run'),
    crash_dir: join(dir, 'run'),
    admin_socket: join(dir, 'run', '$name.asok'),
  });
  const mon = section('mon', {
    mon_data: join(dir, 'mon'),
    mon_initial_members: 'a',
    mon_allow_pool_size_one: 'true',
    mon_warn_on_pool_no_redundancy: 'false',
    mon_cluster_log_to_file: 'false',
    mon_cluster_log_to_stderr: 'false',
    mon_data_avail_warn: 5,
    mon_osd_full_ratio: 0.97,
    auth_allow_insecure_global_id_reclaim: 'false',
    // One monitor has nobody to wait for; the default of 1 s makes each step of the start take one.
    paxos_propose_interval: 0.02,
  });
  const osd = section('osd', {
    public_addr: monitor.host,
    osd_data: join(dir, 'osd'),
    keyring: join(dir, 'osd', 'keyring'),
    osd_objectstore: 'bluestore',
    bluestore_block_create: 'true',
    bluestore_block_size: capacityBytes,
    bluestore_fsck_on_mkfs: 'false',
    // Memory of a cluster for trying it: 50 MB rather than 4 GB.
    bluestore_cache_autotune: 'false',
    bluestore_cache_size: 64 * 2 ** 20,
    // A client that was killed holds an image for so long; it renews its watch every few seconds.
    osd_client_watch_timeout: 15,
  });
  const mgr = section('mgr', {
    public_addr: monitor.host,
    mgr_data: join(dir, 'mgr'),
    keyring: join(dir, 'mgr', 'keyring'),
    // It counts what is used. Its modules, in Python, take ten times its memory and nothing here needs them.
    mgr_module_path: join(dir, 'modules'),
  });
  return global + mon + osd + mgr;
}
