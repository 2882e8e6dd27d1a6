// Volumes on real programs, with the effect looked for in the guest: it boots from one, sees another come, grow and go, and
// keeps what it wrote over a stop and a start.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { CloudApi, type Guest } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';

let cloud: TestCloud;
let api: CloudApi;
let id: string;
let guest: Guest;

before(async () => {
  cloud = await startCloud();
  api = await CloudApi.of(cloud);
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
});

const MINUTE = 60_000;

async function volumeStatus(volume: string): Promise<string> {
  const { status, text } = await api.try('GET', `/volume/v3/volumes/${volume}`);
  return status === 404 ? 'gone' : (JSON.parse(text) as { volume: { status: string } }).volume.status;
}

async function untilVolume(volume: string, status: string): Promise<void> {
  await until(async () => (await volumeStatus(volume)) === status, {
    what: `volume ${volume} to be ${status}`,
    deadlineMs: MINUTE,
    everyMs: 100,
  });
}

/** Sectors of 512 bytes of the disk with the volume's serial; empty when the guest has none. */
async function sectors(volume: string): Promise<string> {
  const serial = volume.slice(0, 20);
  return (
    await guest.run(
      `for d in /sys/block/vd*; do [ "$(cat $d/serial 2>/dev/null)" = "${serial}" ] && cat $d/size; done; true`,
    )
  ).trim();
}

async function untilSectors(volume: string, gib: number, without = 0): Promise<void> {
  const wanted = gib === 0 ? '' : String(gib * 2 ** 21 - without);
  await until(async () => (await sectors(volume)) === wanted, {
    what: `the guest to see ${gib} GiB of ${volume}`,
    deadlineMs: MINUTE,
    everyMs: 200,
  });
}

let root: string;
let data: string;
/** Encrypted. */
let hidden: string;
/** Sectors that the header of an encrypted volume takes. */
const HEADER = 4096;
const SECRET = 'what-nobody-below-reads';

test('boots from a volume that the launch makes from an image', { timeout: 5 * MINUTE }, async () => {
  const image = await api.imageId('pileus-demo');
  ({ id } = await api.boot('from-volume', {
    imageRef: '',
    block_device_mapping_v2: [
      {
        uuid: image,
        source_type: 'image',
        destination_type: 'volume',
        volume_size: 1,
        boot_index: 0,
        delete_on_termination: true,
      },
    ],
  }));
  guest = await api.guest(id);
  const server = await api.server(id);
  assert.equal(server['image'], '');
  [root = ''] = (server['os-extended-volumes:volumes_attached'] as Array<{ id: string }>).map(
    (each) => each.id,
  );
  await untilSectors(root, 1);
  assert.equal(await volumeStatus(root), 'in-use');
});

test(
  'a volume comes while the guest runs, grows in its sight, and goes',
  { timeout: 5 * MINUTE },
  async () => {
    const made = await api.call<{ volume: { id: string } }>('POST', '/volume/v3/volumes', {
      volume: { size: 1, name: 'data' },
    });
    data = made.volume.id;
    await untilVolume(data, 'available');
    await api.call('POST', `/compute/v2.1/servers/${id}/os-volume_attachments`, {
      volumeAttachment: { volumeId: data },
    });
    await untilSectors(data, 1);
    await untilVolume(data, 'in-use');
    const disk = `/dev/$(basename $(dirname $(grep -l "${data.slice(0, 20)}" /sys/block/vd*/serial)))`;
    await guest.run(`echo kept-by-the-volume | dd of=${disk} bs=512 count=1 conv=sync 2>/dev/null; sync`);
    await at('volume 3.42', 'POST', `/volume/v3/volumes/${data}/action`, { 'os-extend': { new_size: 2 } });
    await untilSectors(data, 2);
    assert.match(await guest.run(`head -c 18 ${disk}`), /kept-by-the-volume/);
  },
);

test('an encrypted volume comes, grows and goes as any other', { timeout: 5 * MINUTE }, async () => {
  const admin = await CloudApi.of(cloud, 'pileus-admin');
  const { volume_type } = await admin.call<{ volume_type: { id: string } }>('POST', '/volume/v3/types', {
    volume_type: { name: 'encrypted' },
  });
  await admin.call('POST', `/volume/v3/types/${volume_type.id}/encryption`, {
    encryption: { provider: 'luks', cipher: 'aes-xts-plain64', key_size: 256, control_location: 'front-end' },
  });
  hidden = await makeVolume(1, { volume_type: 'encrypted' });
  const path = `/compute/v2.1/servers/${id}/os-volume_attachments`;
  const plug = async (gib: number): Promise<string> => {
    await api.call('POST', path, { volumeAttachment: { volumeId: hidden } });
    await untilSectors(hidden, gib, HEADER);
    await untilVolume(hidden, 'in-use');
    return (await diskIn(guest, hidden)).trim();
  };
  const disk = await plug(1);
  await guest.run(`echo ${SECRET} | dd of=${disk} bs=512 count=1 conv=sync,fsync 2>/dev/null`);
  const end = `bs=1M seek=1021 count=1 conv=fsync`;
  await guest.run(`yes ${SECRET} | head -c 1048576 | dd of=${disk} ${end} 2>/dev/null`);
  await at('volume 3.42', 'POST', `/volume/v3/volumes/${hidden}/action`, { 'os-extend': { new_size: 2 } });
  await untilSectors(hidden, 2, HEADER);
  await api.call('DELETE', `${path}/${hidden}`);
  await untilVolume(hidden, 'available');
  await untilSectors(hidden, 0);
  assert.match(await guest.run(`head -c 24 ${await plug(2)}`), new RegExp(SECRET));
});

test('a stop and a start keep the volumes and what is on them', { timeout: 5 * MINUTE }, async () => {
  await api.act(id, { 'os-stop': null });
  await api.untilStatus(id, 'SHUTOFF');
  guest = await api.rebooted(id, async () => api.act(id, { 'os-start': null }));
  await untilSectors(data, 2);
  const disk = `/dev/$(basename $(dirname $(grep -l "${data.slice(0, 20)}" /sys/block/vd*/serial)))`;
  assert.match(await guest.run(`head -c 18 ${disk}`), /kept-by-the-volume/);
  assert.match(await guest.run(`head -c 24 ${await diskIn(guest, hidden)}`), new RegExp(SECRET));
  for (const volume of [data, hidden]) {
    await api.call('DELETE', `/compute/v2.1/servers/${id}/os-volume_attachments/${volume}`);
    await untilVolume(volume, 'available');
    await untilSectors(volume, 0);
  }
  const layers = await readdir(join(cloud.dataPath, 'storage', 'layers'));
  const shown = await Promise.all(
    layers.map(async (each) => {
      const bytes = await readFile(join(cloud.dataPath, 'storage', 'layers', each));
      return { plain: bytes.includes('kept-by-the-volume'), secret: bytes.includes(SECRET) };
    }),
  );
  assert.ok(
    shown.some(({ plain }) => plain),
    'what is looked for would be seen',
  );
  assert.ok(!shown.some(({ secret }) => secret), 'what is on the encrypted volume shows');
});

/** As a newer client than the other calls: `service version`. */
async function at(version: string, method: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${api.access.origin}${path}`, {
    method,
    headers: {
      'x-auth-token': api.access.token,
      'content-type': 'application/json',
      'openstack-api-version': version,
    },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 202, await answer.text());
}

test(
  'a rebuild keeps the root volume before 2.93 and writes an image over it since',
  { timeout: 5 * MINUTE },
  async () => {
    const rebuild = { rebuild: { imageRef: await api.imageId('pileus-demo') } };
    const action = `/compute/v2.1/servers/${id}/action`;
    // The console's log begins anew with each rebuild.
    const rebuilt = async (version: string): Promise<void> => {
      await guest[Symbol.asyncDispose]();
      await at(version, 'POST', action, rebuild);
      guest = await api.guest(id);
    };
    await guest.run('echo before > /kept-by-the-root; sync');
    await rebuilt('compute 2.92');
    assert.match(await guest.run('cat /kept-by-the-root'), /before/);
    await rebuilt('compute 2.93');
    assert.equal((await guest.tryRun('test -e /kept-by-the-root')).code, 1);
    await untilSectors(root, 1);
    assert.equal(await volumeStatus(root), 'in-use');
    await guest.run('echo before > /kept-by-the-root; sync');
    await api.act(id, { 'os-stop': null });
    await api.untilStatus(id, 'SHUTOFF');
    await at('compute 2.93', 'POST', action, rebuild);
    await api.untilStatus(id, 'SHUTOFF');
    assert.equal(await volumeStatus(root), 'in-use');
    await api.act(id, { 'os-start': null });
    guest = await api.guest(id);
    assert.equal((await guest.tryRun('test -e /kept-by-the-root')).code, 1);
  },
);

async function makeVolume(size: number, fields: object = {}): Promise<string> {
  const made = await api.call<{ volume: { id: string } }>('POST', '/volume/v3/volumes', {
    volume: { size, ...fields },
  });
  await untilVolume(made.volume.id, 'available');
  return made.volume.id;
}

async function attach(volume: string): Promise<string> {
  await api.call('POST', `/compute/v2.1/servers/${id}/os-volume_attachments`, {
    volumeAttachment: { volumeId: volume },
  });
  await untilSectors(volume, 1);
  await untilVolume(volume, 'in-use');
  return diskIn(guest, volume);
}

const diskIn = async (where: Guest, volume: string): Promise<string> =>
  where.run(`echo /dev/$(basename $(dirname $(grep -l "${volume.slice(0, 20)}" /sys/block/vd*/serial)))`);

test(
  'a larger volume takes the place of another under a guest that goes on writing',
  { timeout: 5 * MINUTE },
  async () => {
    const [old, larger] = [await makeVolume(1), await makeVolume(2)];
    const disk = await attach(old);
    await guest.run(
      `echo of-the-old | dd of=${disk} bs=512 seek=2000000 count=1 conv=sync,fsync 2>/dev/null`,
    );
    // Writes a number a time to the first sector, as long as the file is there.
    await guest.run(
      `touch /writing; (i=0; while [ -e /writing ]; do i=$((i+1)); echo $i | dd of=${disk} bs=512 count=1 conv=sync,fsync 2>/dev/null || touch /failed; done; echo $i > /last) >/dev/null 2>&1 & true`,
    );
    const admin = await CloudApi.of(cloud, 'pileus-admin');
    const path = `/compute/v2.1/servers/${id}/os-volume_attachments`;
    const swap = { volumeAttachment: { volumeId: larger } };
    assert.equal((await api.try('PUT', `${path}/${old}`, swap)).status, 403);
    await admin.call('PUT', `${path}/${old}`, swap);
    await untilVolume(old, 'available');
    await untilVolume(larger, 'in-use');
    // What the guest knows of the disk stays until it is made anew, but its size.
    await untilSectors(old, 2);
    await guest.run('rm /writing; while ! [ -e /last ]; do sleep 0.1; done; test ! -e /failed');
    const last = (await guest.run('cat /last')).trim();
    await api.act(id, { 'os-stop': null });
    await api.untilStatus(id, 'SHUTOFF');
    guest = await api.rebooted(id, async () => api.act(id, { 'os-start': null }));
    await untilSectors(larger, 2);
    const again = await diskIn(guest, larger);
    assert.match(await guest.run(`dd if=${again} bs=512 skip=2000000 count=1 2>/dev/null`), /of-the-old/);
    assert.equal((await guest.run(`dd if=${again} bs=512 count=1 2>/dev/null | head -n 1`)).trim(), last);
    await api.call('DELETE', `${path}/${larger}`);
    await untilVolume(larger, 'available');
  },
);

test(
  'two guests, one of them on an encrypted root, have one volume and see what the other writes',
  { timeout: 5 * MINUTE },
  async () => {
    const shared = await makeVolume(1, { multiattach: true });
    const disk = await attach(shared);
    const image = await api.imageId('pileus-demo');
    const encrypted = await makeVolume(1, { imageRef: image, volume_type: 'encrypted' });
    const volume = { source_type: 'volume', destination_type: 'volume' };
    const other = await api.boot('other', {
      imageRef: '',
      block_device_mapping_v2: [
        { ...volume, uuid: encrypted, boot_index: 0, delete_on_termination: true },
        { ...volume, uuid: shared },
      ],
    });
    await using second = await api.guest(other.id);
    const theirs = await diskIn(second, shared);
    await guest.run(`echo from-the-first | dd of=${disk} bs=512 count=1 conv=sync,fsync 2>/dev/null`);
    assert.match(await second.run(`dd if=${theirs} bs=512 count=1 2>/dev/null`), /from-the-first/);
    await second.run(
      `echo from-the-second | dd of=${theirs} bs=512 seek=8 count=1 conv=sync,fsync 2>/dev/null`,
    );
    assert.match(await guest.run(`dd if=${disk} bs=512 skip=8 count=1 2>/dev/null`), /from-the-second/);
    await api.call('DELETE', `/compute/v2.1/servers/${other.id}`);
    await untilVolume(encrypted, 'gone');
    await untilSectors(shared, 1);
    await api.call('DELETE', `/compute/v2.1/servers/${id}/os-volume_attachments/${shared}`);
    await untilVolume(shared, 'available');
  },
);

test('deleting the server takes its root volume with it', { timeout: MINUTE }, async () => {
  await api.call('DELETE', `/compute/v2.1/servers/${id}`);
  await untilVolume(root, 'gone');
  assert.equal(await volumeStatus(data), 'available');
});

test(
  'ephemeral disks come formatted, swap can be switched on, and tags are in the metadata',
  {
    timeout: 5 * MINUTE,
  },
  async () => {
    const admin = await CloudApi.of(cloud, 'pileus-admin');
    const { flavor } = await admin.call<{ flavor: { id: string } }>('POST', '/compute/v2.1/flavors', {
      flavor: {
        name: 'm1.scratch',
        ram: 192,
        vcpus: 1,
        disk: 1,
        swap: 64,
        'OS-FLV-EXT-DATA:ephemeral': 1,
      },
    });
    assert.ok(flavor.id);
    const made = await api.boot('scratch', {
      flavor: 'm1.scratch',
      block_device_mapping_v2: [
        { uuid: data, source_type: 'volume', destination_type: 'volume', tag: 'the-data' },
      ],
    });
    guest = await api.guest(made.id);
    assert.match(await guest.run('mount -t ext4 /dev/vdb /mnt && ls -d /mnt/lost+found'), /lost\+found/);
    await guest.run('swapon /dev/vdc');
    assert.match(await guest.run('cat /proc/swaps'), /vdc/);
    await untilSectors(data, 2);
    const documents = await guest.run(
      "printf 'GET /openstack/latest/meta_data.json HTTP/1.0\\r\\n\\r\\n' | nc 169.254.169.254 80",
    );
    assert.match(documents, /"tags":\["the-data"\]/);
    await api.call('DELETE', `/compute/v2.1/servers/${made.id}`);
    await untilVolume(data, 'available');
  },
);
