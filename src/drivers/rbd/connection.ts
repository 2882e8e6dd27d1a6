// How a hypervisor finds an image: what of a cluster is told in a connection. The key is not: hosts have it as a secret.
import { dirname, join } from 'node:path';
import type { StorageSecret } from '#drivers/libvirt/port.ts';
import { readKey, type CephCluster } from './access.ts';

export interface RbdConnection {
  /** `pool/image` */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly ports: readonly string[];
  readonly cluster_name: string;
  readonly fsid: string;
  readonly auth_enabled: boolean;
  readonly auth_username: string;
  readonly secret_type: 'ceph';
  readonly secret_uuid: string;
  readonly discard: boolean;
}

export function rbdConnection(
  { fsid, monitors, secretId }: CephCluster,
  { pool, image }: { pool: string; image: string },
): RbdConnection {
  return {
    name: `${pool}/${image}`,
    hosts: monitors.map(({ host }) => host),
    ports: monitors.map(({ port }) => String(port)),
    cluster_name: 'ceph',
    fsid,
    auth_enabled: true,
    auth_username: 'nova',
    secret_type: 'ceph',
    secret_uuid: secretId,
    discard: true,
  };
}

/** What each host's libvirt is given, so that QEMU may open guests' disks. */
export function guestSecret({ confFile, fsid, secretId }: CephCluster): StorageSecret {
  const key = readKey(join(dirname(confFile), 'client.nova.keyring'), 'nova');
  return { id: secretId, usage: `client.nova of Ceph ${fsid}`, value: Buffer.from(key, 'base64') };
}
