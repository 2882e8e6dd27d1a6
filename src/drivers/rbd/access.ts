// Who speaks to which Ceph cluster, and from where: what everything that uses Ceph is given. The key itself is never in it.
import { readFileSync } from 'node:fs';

export interface Monitor {
  readonly host: string;
  readonly port: number;
}

/** A cluster as its clients know it. */
export interface CephCluster {
  readonly fsid: string;
  readonly monitors: readonly Monitor[];
  /** Network namespace that reaches it; undefined is the machine's own. */
  readonly netns: string | undefined;
  /** Settings for clients; says where the keyrings of the users below are. */
  readonly confFile: string;
  /** Id of the secret that each host's libvirt keeps for guests: the key of `client.nova`. */
  readonly secretId: string;
}

/** One user of the cluster, `nova` for `client.nova`. */
export type CephUser = 'cinder' | 'glance' | 'nova' | 'cinder-backup' | 'admin';

/** Names of the pools, as every guide to OpenStack with Ceph has them. */
export const POOLS = { volumes: 'volumes', images: 'images', disks: 'vms', backups: 'backups' } as const;

/** What each user may, and no more: `profile rbd` of the pools it writes, read-only of those it clones from. */
export const USER_RIGHTS: Readonly<
  Record<Exclude<CephUser, 'admin'>, Readonly<Record<'mon' | 'mgr' | 'osd', string>>>
> = {
  cinder: rights(['volumes'], ['images']),
  glance: rights(['images'], []),
  // Guests' disks and guests' volumes are opened by QEMU under this name: hosts hold no other key.
  nova: rights(['vms', 'volumes'], ['images']),
  'cinder-backup': rights(['backups'], []),
};

function rights(write: readonly string[], read: readonly string[]): Record<'mon' | 'mgr' | 'osd', string> {
  const writes = write.map((pool) => `profile rbd pool=${pool}`);
  const reads = read.map((pool) => `profile rbd-read-only pool=${pool}`);
  return { mon: 'profile rbd', mgr: writes.join(', '), osd: [...writes, ...reads].join(', ') };
}

/** The key of one user in a keyring's text; undefined where it has none. A file may hold several users. */
export function keyIn(keyring: string, user: CephUser): string | undefined {
  let inside = false;
  for (const line of keyring.split('\n').map((each) => each.trim())) {
    if (line.startsWith('[')) inside = line === `[client.${user}]`;
    else if (inside) {
      const [, key] = /^key\s*=\s*([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
      if (key !== undefined) return key;
    }
  }
  return undefined;
}

/** @throws Error when the file has no such user */
export function readKey(file: string, user: CephUser): string {
  const key = keyIn(readFileSync(file, 'utf8'), user);
  if (key === undefined) throw new Error(`the keyring ${file} has no key of client.${user}`);
  return key;
}
