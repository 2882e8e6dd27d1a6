// What can be done to a server, done to a real guest, with the effect looked for in the guest, not in the API alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCloud, type TestCloud } from '#test/support/cloud.ts';
import { CloudApi, fixedAddress, type Guest } from '#test/support/guest-cloud.ts';
import { until } from '#test/support/until.ts';

let cloud: TestCloud;
let api: CloudApi;
let admin: CloudApi;
let id: string;
let guest: Guest;

before(async () => {
  cloud = await startCloud();
  api = await CloudApi.of(cloud);
  admin = await CloudApi.of(cloud, 'pileus-admin');
});
after(async () => {
  await guest?.[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
});

const uptime = async (): Promise<number> => Number(await guest.run('cut -d" " -f1 /proc/uptime'));
const act = async (action: Record<string, unknown>, status: string): Promise<void> => {
  await api.act(id, action);
  await api.untilStatus(id, status);
};
const refused = async (action: Record<string, unknown>, by = api): Promise<string> => {
  const { status, text } = await by.try('POST', `/compute/v2.1/servers/${id}/action`, action);
  assert.equal(status, 409, text);
  return text;
};

test('the root disk is as large as the flavor says', async () => {
  ({ id } = await api.boot('worker'));
  guest = await api.guest(id);
  assert.equal(await guest.run('hostname'), 'worker');
  await api.untilConsole(id, /PILEUS-DISK root grown/);
  assert.ok(Number(await guest.run("df -m / | awk 'END { print $2 }'")) > 800);
});

test('stop powers the guest off by ACPI; start keeps its files and addresses', async () => {
  await guest.run('echo kept > /root/kept; sync');
  const before = await api.server(id);
  await act({ 'os-stop': null }, 'SHUTOFF');
  assert.match(await api.consoleLog(id), /PILEUS-SHUTDOWN poweroff/);
  await refused({ 'os-stop': null });
  guest = await api.rebooted(id, async () => api.act(id, { 'os-start': null }));
  assert.equal(await guest.run('cat /root/kept'), 'kept');
  assert.deepEqual((await api.server(id)).addresses, before.addresses);
  assert.ok((await guest.run('ip -o -4 addr show eth0')).includes(`${fixedAddress(before)}/24`));
});

test('a paused guest stands still', async () => {
  const before = await uptime();
  const started = Date.now();
  await act({ pause: null }, 'PAUSED');
  await refused({ pause: null });
  const stood = await until(async () => Date.now() - started > 2000 && Date.now() - started, {
    deadlineMs: 10_000,
    what: 'two seconds',
  });
  await act({ unpause: null }, 'ACTIVE');
  const after = await uptime();
  const ran = Date.now() - started - stood;
  assert.ok((after - before) * 1000 < ran + 1900, `${before} to ${after} while it ran for ${ran} ms`);
});

test('a suspended guest goes on where it was', async () => {
  await guest.run('echo in memory > /tmp/memory');
  const before = await uptime();
  await act({ suspend: null }, 'SUSPENDED');
  await act({ resume: null }, 'ACTIVE');
  assert.ok((await uptime()) >= before);
  assert.equal(await guest.run('cat /tmp/memory'), 'in memory');
  assert.ok(await guest.pings('10.0.0.1'), 'its network is there again');
});

test('soft reboot asks the guest, hard reboot does not', async () => {
  const shutdowns = async (): Promise<number> => (await api.consoleLog(id)).split('PILEUS-SHUTDOWN').length;
  const before = await shutdowns();
  guest = await api.rebooted(id, async () => api.act(id, { reboot: { type: 'SOFT' } }));
  assert.equal(await shutdowns(), before + 1);
  guest = await api.rebooted(id, async () => api.act(id, { reboot: { type: 'HARD' } }));
  assert.equal(await shutdowns(), before + 1);
  assert.equal(await guest.run('cat /root/kept'), 'kept');
});

test('a rescued guest boots another disk and sees its own as the second; then it is as before', async () => {
  const boots = await api.boots(id);
  const { adminPass } = await api.act(id, { rescue: null });
  assert.match(String(adminPass), /^\w{12}$/);
  await api.untilStatus(id, 'RESCUE');
  guest = await api.again(id, boots + 1);
  assert.equal((await guest.tryRun('ls /root/kept')).code, 1, 'its root is the rescue disk');
  const mounted = 'mkdir -p /mnt; mount -t ext4 -o ro /dev/vdb2 /mnt && cat /mnt/root/kept; umount /mnt';
  assert.equal(await guest.run(mounted), 'kept');
  await refused({ 'os-stop': null });
  guest = await api.rebooted(id, async () => api.act(id, { unrescue: null }));
  assert.equal(await guest.run('cat /root/kept; ls /dev/vd?'), 'kept\n/dev/vda');
});

test('a shelved server leaves its host, and comes back with its files, its volume and its addresses', async () => {
  const { volume } = await api.call<{ volume: { id: string } }>('POST', '/volume/v3/volumes', {
    volume: { size: 1 },
  });
  const status = async (): Promise<string> =>
    (await api.call<{ volume: { status: string } }>('GET', `/volume/v3/volumes/${volume.id}`)).volume.status;
  const untilVolume = async (wanted: string): Promise<unknown> =>
    until(async () => (await status()) === wanted, {
      deadlineMs: 30_000,
      what: `volume ${volume.id} to be ${wanted}`,
    });
  await untilVolume('available');
  const path = `/compute/v2.1/servers/${id}/os-volume_attachments`;
  await api.call('POST', path, { volumeAttachment: { volumeId: volume.id } });
  await untilVolume('in-use');
  await guest.run('until [ -b /dev/vdb ]; do sleep 0.1; done; echo on a volume > /dev/vdb; sync');
  await guest.run('echo shelved > /root/shelved; sync');
  const before = await api.server(id);
  await act({ shelve: null }, 'SHELVED_OFFLOADED');
  assert.deepEqual((await api.server(id)).addresses, before.addresses);
  assert.equal(await status(), 'reserved');
  const shown = await admin.server(id);
  assert.equal(shown['OS-EXT-SRV-ATTR:host'], null);
  await api.act(id, { unshelve: null });
  guest = await api.guest(id);
  assert.equal(
    await guest.run('cat /root/kept /root/shelved; head -n 1 /dev/vdb'),
    'kept\nshelved\non a volume',
  );
  assert.ok((await guest.run('ip -o -4 addr show eth0')).includes(`${fixedAddress(before)}/24`));
  await api.call('DELETE', `${path}/${volume.id}`);
  await untilVolume('available');
  await api.call('DELETE', `/volume/v3/volumes/${volume.id}`);
});

test('a locked server refuses its owner until it is unlocked', async () => {
  await api.act(id, { lock: { locked_reason: 'maintenance' } });
  assert.equal((await api.server(id))['locked_reason'], 'maintenance');
  await refused({ 'os-stop': null });
  await refused({ rebuild: { imageRef: await api.imageId('pileus-demo') } });
  assert.equal((await api.try('DELETE', `/compute/v2.1/servers/${id}`)).status, 409);
  await api.act(id, { unlock: null });
  assert.equal((await api.server(id))['locked'], false);
});

test('an administrator resets the state; a hard reboot mends it', async () => {
  await admin.act(id, { 'os-resetState': { state: 'error' } });
  assert.equal((await api.server(id)).status, 'ERROR');
  assert.equal(
    (await api.try('POST', `/compute/v2.1/servers/${id}/action`, { 'os-resetState': { state: 'active' } }))
      .status,
    403,
  );
  await admin.act(id, { 'os-resetState': { state: 'active' } });
  assert.equal(await guest.run('echo runs on'), 'runs on');
});

test('a server is renamed without its guest noticing', async () => {
  await api.call('PUT', `/compute/v2.1/servers/${id}`, { server: { name: 'renamed', description: 'text' } });
  const server = await api.server(id);
  assert.deepEqual([server.name, server['description']], ['renamed', 'text']);
  assert.equal(await guest.run('hostname'), 'worker');
});

test('a snapshot becomes an image that another server starts from', async () => {
  const keys = 'sha256sum /etc/dropbear/*_host_key';
  await guest.run('echo snapshot > /root/snapshot; sync');
  const mine = await guest.run(keys);
  await api.act(id, { createImage: { name: 'golden', metadata: { made_by: 'test' } } });
  await api.untilStatus(id, 'ACTIVE');
  const { images } = await api.call<{ images: Array<Record<string, unknown>> }>(
    'GET',
    '/image/v2/images?name=golden',
  );
  assert.equal(images[0]?.['status'], 'active');
  assert.equal(images[0]?.['made_by'], 'test');
  assert.equal(images[0]?.['instance_uuid'], id);
  const copy = await api.boot('copy', { image: 'golden' });
  await using second = await api.guest(copy.id);
  assert.equal(await second.run('cat /root/snapshot; hostname'), 'snapshot\ncopy');
  assert.notEqual(await second.run(keys), mine, 'host keys are not shared');
});

test('rebuild gives a new disk of the image at the same addresses', async () => {
  const before = await api.server(id);
  await api.act(id, { rebuild: { imageRef: await api.imageId('golden'), name: 'again' } });
  guest = await api.guest(id);
  assert.equal(await guest.run('cat /root/snapshot'), 'snapshot');
  await api.act(id, { rebuild: { imageRef: await api.imageId('pileus-demo-direct') } });
  guest = await api.guest(id);
  assert.equal((await guest.tryRun('ls /root/snapshot')).code, 1, 'the old disk is gone');
  const after = await api.server(id);
  assert.deepEqual(after.addresses, before.addresses);
  assert.equal(after.name, 'again');
  assert.ok((await guest.run('ip -o -4 addr show eth0')).includes(`${fixedAddress(before)}/24`));
});

test('a stopped server that is rebuilt stays stopped', async () => {
  const copy = await api.boot('stopped-rebuild');
  await api.untilStatus(copy.id, 'ACTIVE');
  await api.act(copy.id, { 'os-stop': null });
  await api.untilStatus(copy.id, 'SHUTOFF');
  await api.act(copy.id, { rebuild: { imageRef: await api.imageId('golden') } });
  const { image } = await api.untilStatus(copy.id, 'SHUTOFF');
  assert.equal((image as { id: string }).id, await api.imageId('golden'));
  await api.act(copy.id, { 'os-start': null });
  await api.untilStatus(copy.id, 'ACTIVE');
  await api.remove(copy.id);
});

test('a snapshot of a server with kernel and ramdisk apart starts as well', async () => {
  await guest.run('echo direct > /root/direct; sync');
  await api.act(id, { createImage: { name: 'direct-copy' } });
  await api.untilStatus(id, 'ACTIVE');
  const copy = await api.boot('direct-copy', { image: 'direct-copy', flavor: 'm1.tiny' });
  await using second = await api.guest(copy.id);
  assert.equal(await second.run('cat /root/direct'), 'direct');
  await api.remove(copy.id);
});

test('a resize gives the guest what the new flavor has, with its files; taken back it has what it had', async () => {
  const flavor = { id: 'twice', name: 'twice', vcpus: 2, ram: 256, disk: 2 };
  await admin.call('POST', '/compute/v2.1/flavors', { flavor });
  await guest.run('echo resized > /root/resized; sync');
  const disk = async (): Promise<number> => Number(await guest.run("df -m / | awk 'END { print $2 }'"));
  const old = await disk();
  const boots = await api.boots(id);
  const goes = async (action: Record<string, unknown>, status: string, boot = 1): Promise<void> => {
    await act(action, status);
    guest = await api.again(id, boot);
    assert.equal(await guest.run('cat /root/resized'), 'resized');
  };
  await goes({ resize: { flavorRef: 'twice' } }, 'VERIFY_RESIZE');
  assert.match(await api.consoleLog(id), /PILEUS-DISK root grown/);
  assert.equal(await guest.run('nproc'), '2');
  assert.ok((await disk()) > old * 1.7, 'the root disk has grown');
  await goes({ revertResize: null }, 'ACTIVE', boots + 1);
  assert.deepEqual([await guest.run('nproc'), await disk()], ['1', old]);
  await goes({ resize: { flavorRef: 'twice' } }, 'VERIFY_RESIZE');
  assert.equal(
    (await api.try('POST', `/compute/v2.1/servers/${id}/action`, { confirmResize: null })).status,
    204,
  );
  await api.untilStatus(id, 'ACTIVE');
  assert.equal(await guest.run('nproc'), '2', 'it ran on');
});

test('a guest that powers itself off becomes SHUTOFF by itself, and can be deleted so', async () => {
  guest.send('poweroff');
  const server = await api.untilStatus(id, 'SHUTOFF', 15_000);
  assert.equal(server['OS-EXT-STS:power_state'], 4);
  await api.remove(id);
});

test('no bug was logged', async () => {
  const { readFile } = await import('node:fs/promises');
  const log = await readFile(`${cloud.dataPath}/log/pileus.log`, 'utf8');
  assert.doesNotMatch(log, /"level":50/);
});
