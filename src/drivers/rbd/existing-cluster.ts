// A cluster that somebody else runs: what Pileus must know of it, from its ceph.conf and keyring. Called by the bring-up.
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '#platform/supervise/run-command.ts';
import { keyIn, POOLS, type CephCluster, type CephUser, type Monitor } from './access.ts';
import { openRbdPool } from './real.ts';

export interface ExistingClusterFiles {
  readonly conf: string;
  /** Holds `client.cinder`, `client.glance`, `client.nova` and `client.cinder-backup`. */
  readonly keyring: string;
}

interface MonitorMap {
  readonly fsid: string;
  readonly mons: ReadonlyArray<{
    readonly public_addrs: {
      readonly addrvec: ReadonlyArray<{ readonly type: string; readonly addr: string }>;
    };
  }>;
}

const USERS = ['cinder', 'glance', 'nova', 'cinder-backup'] as const;

/** Copies settings and keys to where only the cloud's owner reads them, and asks the cluster for its monitors. */
export async function takeOverCluster({
  dir,
  conf,
  keyring,
  signal,
}: ExistingClusterFiles & { readonly dir: string; readonly signal?: AbortSignal }): Promise<CephCluster> {
  const confFile = join(dir, 'client.conf');
  const keys = readFileSync(keyring, 'utf8');
  const overrides: string[] = [];
  for (const user of USERS) {
    const key = keyIn(keys, user);
    if (key === undefined) throw new Error(`the keyring ${keyring} has no key of client.${user}`);
    const file = join(dir, `client.${user}.keyring`);
    writeFileSync(file, `[client.${user}]\nkey = ${key}\n`, { mode: 0o600 });
    overrides.push(`[client.${user}]\nkeyring = ${file}\nlog_to_file = false\nadmin_socket =\n`);
  }
  writeFileSync(confFile, `${readFileSync(conf, 'utf8')}\n${overrides.join('')}`, { mode: 0o600 });
  const argv = ['ceph', '--conf', confFile, '--id', 'cinder', 'mon', 'dump', '--format', 'json'];
  const map = JSON.parse((await runCommand(argv, { deadlineMs: 60_000, signal })).stdout) as MonitorMap;
  return {
    fsid: map.fsid,
    monitors: map.mons.map(addressOf),
    netns: undefined,
    confFile,
    secretId: keptSecretId(join(dir, 'secret.json'), map.fsid),
  };
}

/** The newer protocol where a monitor speaks both. */
function addressOf({ public_addrs: { addrvec } }: MonitorMap['mons'][number]): Monitor {
  const { addr } = addrvec.find(({ type }) => type === 'v2') ?? addrvec[0]!; // a monitor has an address
  const colon = addr.lastIndexOf(':');
  return { host: addr.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(addr.slice(colon + 1)) };
}

/** One a cluster, kept: guests that run name it. */
function keptSecretId(file: string, fsid: string): string {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { fsid: string; id: string };
    if (kept.fsid === fsid) return kept.id;
  } catch {
    // the first start with this cluster
  }
  const id = randomUUID();
  writeFileSync(file, JSON.stringify({ fsid, id }), { mode: 0o600 });
  return id;
}

/** @throws Error that says which user cannot use which pool */
export async function tryPools(cluster: CephCluster): Promise<void> {
  const uses: ReadonlyArray<readonly [CephUser, string]> = [
    ['cinder', POOLS.volumes],
    ['glance', POOLS.images],
    ['nova', POOLS.disks],
    ['cinder-backup', POOLS.backups],
  ];
  for (const [user, pool] of uses) {
    await openRbdPool(cluster, user, pool)
      .find('pileus-is-there-such-an-image')
      .catch((cause: unknown) => {
        throw new Error(`client.${user} cannot use the pool ${pool}`, { cause });
      });
  }
}
