// A cluster that was there before the cloud: taken over by its files, used with its users' rights, and described for guests.
import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRbdVolumeDriver } from '#drivers/volume-rbd/driver.ts';
import { keyIn } from './access.ts';
import { guestSecret, rbdConnection } from './connection.ts';
import { takeOverCluster, tryPools } from './existing-cluster.ts';
import { parseRbdUrl, rbdUrl } from './location.ts';
import { startTestCluster, whyNoCluster, type TestCluster } from './testing/cluster.ts';

test('a keyring gives each user its own key', () => {
  const keyring = '[client.a]\n\tkey = AAAA==\n\tcaps mon = "allow r"\n[client.nova]\nkey=BBBB\n';
  assert.equal(keyIn(keyring, 'nova'), 'BBBB');
  assert.equal(keyIn(keyring, 'cinder'), undefined);
});

test('a location is read as it was written, and hostile ones are none', () => {
  const location = { fsid: 'f-1', pool: 'images', image: 'i', snapshot: 'snap' };
  assert.deepEqual(parseRbdUrl(rbdUrl(location)), location);
  for (const url of [
    'rbd://f/images/i',
    'rbd://f/images/i/snap/x',
    'rbd://f/images/--help/snap',
    'rbd://f/images/i@x/snap',
    'rbd://f/images//snap',
    'file:///etc/passwd',
  ])
    assert.equal(parseRbdUrl(url), undefined, url);
});

const skip = await whyNoCluster();
if (skip !== undefined) console.error(`SKIPPED: an existing Ceph cluster is not tested (${skip})`);

describe('an existing Ceph cluster', { ...(skip === undefined ? {} : { skip }), timeout: 120_000 }, () => {
  let ceph: TestCluster;
  let dir: string;
  let keyring: string;
  before(async () => {
    ceph = await startTestCluster({ onMachine: true });
    dir = join(ceph.dir, 'taken');
    keyring = join(ceph.dir, 'all.keyring');
    await mkdir(dir, { mode: 0o700 });
    const users = ['cinder', 'glance', 'nova', 'cinder-backup'];
    const keys = await Promise.all(
      users.map(async (user) => readFile(join(ceph.dir, `client.${user}.keyring`))),
    );
    await writeFile(keyring, Buffer.concat(keys));
  });
  after(async () => ceph?.[Symbol.asyncDispose]());

  const takeOver = async (from = keyring) =>
    takeOverCluster({ dir, conf: ceph.cluster.confFile, keyring: from });

  test('is taken over with its monitors, keys copied for their owner alone, and the same secret each time', async () => {
    const taken = await takeOver();
    assert.equal(taken.fsid, ceph.cluster.fsid);
    assert.deepEqual(taken.monitors, ceph.cluster.monitors);
    assert.equal((await stat(join(dir, 'client.nova.keyring'))).mode & 0o777, 0o600);
    assert.equal((await takeOver()).secretId, taken.secretId);
    await tryPools(taken);
    const connection = rbdConnection(taken, { pool: 'volumes', image: 'volume-1' });
    const { value } = guestSecret(taken);
    assert.ok(
      value.length > 16 && !JSON.stringify(connection).includes(Buffer.from(value).toString('base64')),
    );
  });

  test('serves volumes', async () => {
    await using driver = createRbdVolumeDriver({ cluster: await takeOver() });
    await driver.createVolume('v1', 1, { kind: 'blank' });
    {
      await using access = await driver.open({ volumeId: 'v1' }, 'rw');
      await access.write(0, Buffer.from('there'));
    }
    assert.deepEqual(await driver.list(), [{ volumeId: 'v1', sizeGb: 1, snapshotIds: [] }]);
    await driver.deleteVolume('v1');
    assert.deepEqual(await driver.list(), []);
  });

  test('is refused without the keys of all users, and when one of them lacks a pool', async () => {
    const lacking = join(ceph.dir, 'lacking.keyring');
    await writeFile(lacking, await readFile(join(ceph.dir, 'client.cinder.keyring')));
    await assert.rejects(takeOver(lacking), /has no key of client.glance/);
    const taken = await takeOver();
    await ceph.ceph('auth', 'caps', 'client.glance', 'mon', 'profile rbd', 'osd', 'profile rbd pool=other');
    await assert.rejects(tryPools(taken), /client.glance cannot use the pool images/);
  });
});
