// Root disks as images in a Ceph cluster: clones of the image service's data where that is raw and in the same cluster, so
// that a launch copies nothing. Every host reaches them.
import type { Readable } from 'node:stream';
import { POOLS, type CephCluster } from '#drivers/rbd/access.ts';
import { rbdConnection } from '#drivers/rbd/connection.ts';
import { convertInto } from '#drivers/rbd/convert.ts';
import { parseRbdUrl, type RbdLocation } from '#drivers/rbd/location.ts';
import { RbdError, type RbdPool } from '#drivers/rbd/port.ts';
import { openRbdPool } from '#drivers/rbd/real.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { HostError } from '../errors.ts';
import type { ClonableImage, HostDisks, RootDisks } from './port.ts';

const SUFFIX = '_disk';
const RESCUE_SUFFIX = '_disk.rescue';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The cluster believes a QEMU that was killed to be there for up to half a minute. */
const RELEASE_MS = 45_000;

export function createRbdRootDisks(cluster: CephCluster): HostDisks {
  return { ...disksNamed(cluster, SUFFIX), rescue: disksNamed(cluster, RESCUE_SUFFIX) };
}

function disksNamed(cluster: CephCluster, suffix: string): RootDisks {
  const pool = openRbdPool(cluster, 'nova', POOLS.disks);
  const nameOf = (instanceId: string): string => `${requireId(instanceId)}${suffix}`;
  const at = (instanceId: string): string => `rbd:${POOLS.disks}/${nameOf(instanceId)}`;
  return {
    canClone: (image) => sourceOf(cluster, image) !== undefined,
    clone: async (instanceId, image, sizeBytes) => {
      const location = sourceOf(cluster, image);
      if (!location) throw new RangeError(`image ${image.id} cannot be cloned`);
      const name = nameOf(instanceId);
      await anew(pool, name, async () => pool.clone(location, name));
      await pool.grow(name, sizeBytes);
      return { at: at(instanceId) };
    },
    make: async (instanceId, base, sizeBytes) => {
      const name = nameOf(instanceId);
      await anew(pool, name, async () => pool.create(name, sizeBytes));
      if (base) await convertInto(cluster, 'nova', { pool: POOLS.disks, image: name }, base);
      return { at: at(instanceId), bytesCopied: base?.bytes ?? 0 };
    },
    source: (instanceId) => {
      const { secret_uuid: secretId, auth_username: user } = rbdConnection(cluster, {
        pool: POOLS.disks,
        image: nameOf(instanceId),
      });
      return {
        kind: 'rbd',
        pool: POOLS.disks,
        image: nameOf(instanceId),
        monitors: cluster.monitors,
        user,
        secretId,
      };
    },
    exists: async (instanceId) => (await pool.find(nameOf(instanceId))) !== undefined,
    remove: async (instanceId) => removeReleased(pool, nameOf(instanceId)),
    copy: async (instanceId, name, standStill) => {
      const image = nameOf(instanceId);
      const snapshot = `image-${name}`;
      const found = await pool.find(image);
      if (!found)
        throw new HostError('conflict', 'disk-missing', 'The root disk is gone.', { retriable: false });
      await standStill(async () => pool.createSnapshot(image, snapshot));
      const stream: Readable = pool.read(image, snapshot);
      return {
        stream,
        size: found.sizeBytes,
        [Symbol.asyncDispose]: async () => {
          stream.destroy();
          await pool.removeSnapshot(image, snapshot);
        },
      };
    },
    shared: true,
    grow: async (instanceId, sizeBytes) => void (await pool.grow(nameOf(instanceId), sizeBytes)),
    keep: async (instanceId, name) => pool.createSnapshot(nameOf(instanceId), keptAs(name)),
    putBack: async (instanceId, name) => {
      const image = nameOf(instanceId);
      if (!(await pool.snapshots(image)).includes(keptAs(name))) return;
      await pool.rollback(image, keptAs(name));
    },
    forget: async (instanceId, name) => {
      const image = nameOf(instanceId);
      if (await pool.find(image)) await pool.removeSnapshot(image, keptAs(name));
    },
    list: async () =>
      (await pool.list())
        .map(({ name }) => (name.endsWith(suffix) ? name.slice(0, -suffix.length) : ''))
        .filter((id) => UUID.test(id)),
  };
}

const keptAs = (name: string): string => `before-${name}`;

/** Another format than raw would be shown to the guest as it is. */
function sourceOf(cluster: CephCluster, image: ClonableImage): RbdLocation | undefined {
  const location = parseRbdUrl(image.location);
  return location?.fsid === cluster.fsid && image.disk_format === 'raw' ? location : undefined;
}

/** @throws RangeError for an id that is no UUID: it becomes a name in the cluster */
function requireId(instanceId: string): string {
  if (!UUID.test(instanceId)) throw new RangeError(`${JSON.stringify(instanceId)} is no instance id`);
  return instanceId;
}

/** As a rule nothing is in the way, and looking first would cost what the clone costs. */
async function anew(pool: RbdPool, name: string, make: () => Promise<void>): Promise<void> {
  try {
    await make();
  } catch (error) {
    if (!(error instanceof RbdError && error.fault === 'exists')) throw error;
    await removeReleased(pool, name);
    await make();
  }
}

/** With the snapshots that an upload which was cut off has left. */
async function removeReleased(pool: RbdPool, name: string): Promise<void> {
  if (!(await pool.find(name))) return;
  for (const snapshot of await pool.snapshots(name)) await pool.removeSnapshot(name, snapshot);
  await waitUntil(
    async () =>
      pool.remove(name).then(
        () => true,
        (error: unknown) => {
          if (error instanceof RbdError && error.fault === 'busy') return false;
          throw error;
        },
      ),
    { what: `the release of ${name}`, deadlineMs: RELEASE_MS },
  );
}
