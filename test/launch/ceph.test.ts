// A cloud on a real Ceph cluster: images, root disks and volumes are clones of each other, guests read and write them, and
// nothing is left in the cluster of what was deleted.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { auditByPath } from '#cli/audit/audit-by-path.ts';
import type { CephUser } from '#drivers/rbd/access.ts';
import type { LaunchTrace } from '#compute/servers/launch-trace/view.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { CloudApi, type Guest } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';
import { VolumesOf } from '#test/support/volumes-of.ts';

let dataPath: string;
let cloud: TestCloud;
let api: CloudApi;
let volumes: VolumesOf;

const start = async (): Promise<void> => {
  cloud = await startCloud({ dataPath, storage: 'ceph' });
  api = await CloudApi.of(cloud);
  volumes = new VolumesOf(api);
};
before(async () => {
  dataPath = await mkdtemp(join(tmpdir(), 'pileus-'));
  await start();
});
after(async () => {
  await cloud?.[Symbol.asyncDispose]();
  await rm(dataPath, { recursive: true, force: true });
});

async function rbd(user: CephUser, ...args: string[]): Promise<string> {
  const conf = ['--conf', join(dataPath, 'ceph', 'client.conf'), '--id', user];
  const { netns } = cloud.running.ground!.ceph!; // a real cloud on Ceph has both
  return (await runCommand(['rbd', ...conf, ...args], { netns, deadlineMs: 30_000 })).stdout;
}

/** What is in a pool, out of sight too. */
async function held(pool: string): Promise<string[]> {
  const names = async (...command: string[]): Promise<unknown[]> =>
    JSON.parse(await rbd('admin', ...command, pool, '--format', 'json')) as unknown[];
  return [...(await names('ls')), ...(await names('trash', 'ls'))].map((each) => JSON.stringify(each));
}

async function nothingOf(id: string): Promise<void> {
  for (const pool of ['vms', 'volumes'])
    assert.deepEqual(
      (await held(pool)).filter((each) => each.includes(id)),
      [],
      pool,
    );
}

async function evidence(id: string, hop: string): Promise<Record<string, unknown>> {
  const { launch_trace } = await api.call<{ launch_trace: LaunchTrace }>(
    'GET',
    `/compute/v2.1/servers/${id}/launch-trace`,
  );
  return { ...launch_trace.hops.find((each) => each.hop === hop)?.evidence };
}

test('each user may do in the pools what it is for, and no more', async () => {
  for (const [user, pool] of [
    ['cinder', 'vms'],
    ['cinder', 'backups'],
    ['glance', 'volumes'],
    ['glance', 'vms'],
    ['nova', 'backups'],
    ['cinder-backup', 'volumes'],
  ] as const)
    await assert.rejects(
      rbd(user, 'create', `${pool}/x`, '--size', '1M'),
      /not permitted/,
      `${user} ${pool}`,
    );
  const [image] = JSON.parse(await rbd('glance', 'ls', 'images', '--format', 'json')) as string[];
  for (const user of ['cinder', 'nova'] as const)
    await assert.rejects(rbd(user, 'rm', `images/${image}`, '--no-progress'), /not permitted/, user);
});

test('keys are readable by their owner alone, and guests get them as a secret only', async () => {
  const ceph = join(dataPath, 'ceph');
  for (const name of await readdir(ceph)) {
    const { mode } = await stat(join(ceph, name));
    assert.equal(mode & 0o077, 0, name);
  }
  const key = /key = (\S+)/.exec(await readFile(join(ceph, 'client.nova.keyring'), 'utf8'))![1]!;
  for (const name of await readdir(join(dataPath, 'log')))
    assert.ok(!(await readFile(join(dataPath, 'log', name), 'utf8')).includes(key), name);
});

test('the root disk is a clone of the image: a launch copies nothing', async () => {
  const { id } = await api.boot('cloned');
  await using guest = await api.guest(id);
  const { cloned, bytes, bytes_copied } = await evidence(id, 'image.load');
  assert.deepEqual({ cloned, bytes, bytes_copied }, { cloned: true, bytes: 0, bytes_copied: 0 });
  assert.ok(Number(await guest.run("df -m / | awk 'END { print $2 }'")) > 800);
  const info = JSON.parse(await rbd('nova', 'info', `vms/${id}_disk`, '--format', 'json')) as {
    parent: { pool: string; snapshot: string };
  };
  assert.deepEqual([info.parent.pool, info.parent.snapshot], ['images', 'snap']);
  await guest.run('echo kept > /root/kept; sync');
  await guest[Symbol.asyncDispose]();
  await snapshotOfServer(id);
  await api.remove(id);
  await nothingOf(id);
});

/** A server from it has the files, and needs no copy either. */
async function snapshotOfServer(id: string): Promise<void> {
  const { image_id } = await api.act(id, { createImage: { name: 'snapshot' } });
  const image = await untilActive(String(image_id));
  assert.equal(image['disk_format'], 'raw');
  const { id: second } = await api.boot('second', { image: 'snapshot' });
  await using guest = await api.guest(second);
  assert.equal(await guest.run('cat /root/kept'), 'kept');
  assert.equal((await evidence(second, 'image.load'))['bytes_copied'], 0);
  const path = `/image/v2/images/${String(image_id)}`;
  const { status, text } = await api.try('DELETE', path);
  assert.equal(status, 409, text);
  await guest[Symbol.asyncDispose]();
  await api.remove(second);
  await api.call('DELETE', path);
}

async function untilActive(id: string): Promise<Record<string, unknown>> {
  return until(
    async () => {
      const image = await api.call('GET', `/image/v2/images/${id}`);
      return image['status'] === 'active' ? image : undefined;
    },
    { deadlineMs: 180_000, what: `image ${id} to be active` },
  );
}

test('a server boots from a volume that is a clone of the image', async () => {
  const { id } = await api.boot('from-volume', {
    imageRef: undefined,
    block_device_mapping_v2: [
      {
        uuid: await api.imageId('pileus-demo'),
        source_type: 'image',
        destination_type: 'volume',
        volume_size: 2,
        boot_index: 0,
        delete_on_termination: true,
      },
    ],
  });
  await using guest = await api.guest(id);
  const { volumes: made } = (await evidence(id, 'volume.schedule')) as {
    volumes: Array<{ bytes_copied: number }>;
  };
  assert.deepEqual(
    made.map(({ bytes_copied }) => bytes_copied),
    [0],
  );
  assert.ok(Number(await guest.run("df -m / | awk 'END { print $2 }'")) > 1600);
  await guest[Symbol.asyncDispose]();
  await api.remove(id);
  await until(async () => (await held('volumes')).length === 0, {
    deadlineMs: 30_000,
    what: 'the end of the volume',
  });
  await nothingOf(id);
});

/** The guest sees a disk some tenths of a second after it was plugged in. */
async function diskOf(guest: Guest, volumeId: string): Promise<string> {
  const serial = volumeId.slice(0, 20);
  const find = `for d in /sys/block/*; do grep -qs ${serial} $d/serial && basename $d; done; true`;
  return until(async () => (await guest.run(find)) || undefined, {
    deadlineMs: 20_000,
    what: `the disk ${serial}`,
  });
}

test('a volume is written by a guest, grows, is frozen and cloned, and outlives the cloud', async () => {
  const { id: server } = await api.boot('writer');
  const { id: volume } = await volumes.make({ size: 1, name: 'data' });
  const guest = await api.guest(server);
  try {
    await volumes.attach(server, volume);
    const disk = await diskOf(guest, volume);
    await guest.run(`echo first | dd of=/dev/${disk} bs=512 conv=sync,fsync`);
    const snapshot = await volumes.snapshot(volume);
    await guest.run(`echo other | dd of=/dev/${disk} bs=512 conv=sync,fsync`);
    await volumes.act(volume, { 'os-extend': { new_size: 2 } });
    await volumes.untilStatus(volume, 'in-use');
    await until(async () => (await guest.run(`cat /sys/block/${disk}/size`)) === String(2 ** 22), {
      deadlineMs: 20_000,
      what: 'the guest to see the new size',
    });
    const clone = await volumes.make({ size: 1, snapshot_id: snapshot });
    await volumes.removeSnapshot(snapshot);
    await volumes.attach(server, clone.id);
    const cloned = await diskOf(guest, clone.id);
    assert.equal(await guest.run(`dd if=/dev/${cloned} bs=5 count=1 2>/dev/null`), 'first');
    assert.equal(await guest.run(`dd if=/dev/${disk} bs=5 count=1 2>/dev/null`), 'other');
    await volumes.detach(server, clone.id);
    await volumes.remove(clone.id);
    await volumes.detach(server, volume);
  } finally {
    await guest[Symbol.asyncDispose]();
  }
  await api.remove(server);
  await cloud[Symbol.asyncDispose]();
  await start();
  assert.equal((await volumes.show(volume)).size, 2);
  const copy = await volumes.make({ size: 2, source_volid: volume });
  await volumes.remove(volume);
  await volumes.remove(copy.id);
  for (const id of [server, volume, copy.id]) await nothingOf(id);
});

test('the audit finds nothing, and finds what is planted in a pool', async () => {
  assert.deepEqual((await auditByPath(dataPath)).findings, []);
  const planted = '99999999-2222-4333-8444-555555555555';
  await rbd('cinder', 'create', `volumes/volume-${planted}`, '--size', '1G');
  try {
    const { findings } = await auditByPath(dataPath, { secondLookMs: 10 });
    assert.deepEqual(findings, [`orphan: Ceph has the volume ${planted}, which is not there`]);
  } finally {
    await rbd('cinder', 'rm', `volumes/volume-${planted}`, '--no-progress');
  }
});

test('another kind of storage is refused for the same data', async () => {
  await cloud[Symbol.asyncDispose]();
  await assert.rejects(startCloud({ dataPath, storage: 'file' }), /keeps its volumes, images and disks/);
});
