// The demo guest for real: built, booted under QEMU's emulated CPU, logged into over SSH, and switched off.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { createConfigDriveWriter } from '#drivers/config-drive/real.ts';

import { buildDemoImage, type DemoImage } from './build.ts';
import { Guest } from './testing/guest.ts';

const missing = [
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/ssh',
  '/usr/bin/mcopy',
  '/usr/bin/syslinux',
  '/usr/sbin/dropbear',
  '/usr/bin/busybox',
].filter((file) => !existsSync(file));
const skip = missing.length > 0 ? `not installed: ${missing.join(', ')}` : false;
const run = promisify(execFile);

const first = '11111111-2222-4333-8444-555555555555';
const second = '99999999-2222-4333-8444-555555555555';

describe('demo image', { skip, timeout: 120_000 }, () => {
  let directory = '';
  let image: DemoImage;
  let publicKey = '';

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pileus-demo-image-'));
    image = await buildDemoImage({
      workDir: path.join(directory, 'work'),
      outDir: path.join(directory, 'out'),
    });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(directory, 'key')]);
    publicKey = await readFile(path.join(directory, 'key.pub'), 'utf8');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function ssh(guest: Guest, user: string, command: string): Promise<string> {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'ConnectTimeout=10',
    ];
    const args = options.flatMap((option) => ['-o', option]);
    args.push('-i', path.join(directory, 'key'), '-p', String(guest.sshPort), `${user}@127.0.0.1`, command);
    const { stdout } = await run('ssh', args, { timeout: 20_000 });
    return stdout.trim();
  }

  async function overlay(name: string, base: string): Promise<string> {
    const file = path.join(directory, name);
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', file, '256M']);
    return file;
  }

  function metadata(id: string, hostname: string): string {
    return JSON.stringify({
      uuid: id,
      hostname: `${hostname}.novalocal`,
      public_keys: { mine: publicKey },
      // What a user may set must not be taken for what the cloud says.
      meta: { hostname: 'wrong', 'public_keys/x': 'wrong', text: 'quote " slash \\ newline \n' },
    });
  }

  test('is found at once when its inputs are the same', async () => {
    const started = performance.now();
    const again = await buildDemoImage({
      workDir: path.join(directory, 'work'),
      outDir: path.join(directory, 'out'),
    });
    assert.deepEqual(again, image);
    assert.ok(performance.now() - started < 1500);
    assert.ok((await stat(image.disk)).size < 25 * 1024 * 1024);
  });

  test('boots from its disk with a config drive, keeps what is written, and obeys the power button', async () => {
    const disk = await overlay('disk.qcow2', image.disk);
    const drive = path.join(directory, 'config.iso');
    const userData = '#!/bin/sh\necho "hello from $(id -un)"\nexit 3\n';
    const files = new Map([
      ['openstack/latest/meta_data.json', metadata(first, 'web-1')],
      ['openstack/latest/user_data', userData],
    ]);
    await createConfigDriveWriter().write({ target: drive, files, modified: new Date() });
    const options = { directory, disk, memoryMebibytes: 128 };
    let hostKey = '';
    {
      await using guest = await Guest.start({ ...options, configDrive: { file: drive, bus: 'virtio' } });
      await guest.waitFor(/^PILEUS-NET eth0 10\.0\.2\.15\/24 /m, 40_000);
      await guest.waitFor(/^PILEUS-READY [\d.]+$/m, 20_000);
      await guest.waitFor(/^user-data: hello from root$[^]*^PILEUS-USERDATA exit=3$/m, 10_000);
      const seen = await ssh(
        guest,
        'pileus',
        'hostname; sudo id -u; echo kept | sudo tee /root/kept; df -m / | tail -n 1',
      );
      assert.match(seen, /^web-1\n0\nkept\n\S+ +(2[0-9]{2}) /);
      hostKey = await ssh(guest, 'root', 'sha256sum /etc/dropbear/*; sync');
      await guest.monitor('system_powerdown');
      await guest.waitForExit(5000);
      assert.match(await guest.console(), /PILEUS-SHUTDOWN poweroff/);
    }
    // The same instance again, its drive now on IDE: user-data does not run a second time.
    await using guest = await Guest.start({ ...options, configDrive: { file: drive, bus: 'ide' } });
    await guest.waitFor(/^PILEUS-READY /m, 60_000);
    assert.match(await guest.console(), /^PILEUS-META config-drive \/dev\/sr0 /m);
    assert.equal(await ssh(guest, 'root', 'cat /root/kept; sha256sum /etc/dropbear/*'), `kept\n${hostKey}`);
    assert.doesNotMatch(await guest.console(), /user-data: hello/);
  });

  test('boots by kernel and initrd, takes its data from the metadata service, and configures a NIC plugged later', async () => {
    await using service = await startMetadataService(
      new Map([
        ['/openstack/latest/meta_data.json', metadata(second, 'from-service')],
        [
          '/openstack/latest/user_data',
          '#cloud-config\nwrite_files:\n  - path: /etc/demo.conf\n    permissions: "0640"\n    content: |\n' +
            '      line one\n        indented\nruncmd:\n  - echo ran in $(pwd)\n  - [sh, -c, "echo listed two"]\npackages: [none]\n',
        ],
      ]),
    );
    const script = path.join(directory, 'forward.sh');
    await writeFile(script, `#!/bin/sh\nexec busybox nc 127.0.0.1 ${service.port}\n`, { mode: 0o755 });
    await using guest = await Guest.start({
      directory,
      disk: await overlay('direct.qcow2', image.rootDisk),
      memoryMebibytes: 128,
      direct: { kernel: image.kernel, initrd: image.initrd, args: image.kernelArgs },
      metadataCommand: script,
    });
    await guest.waitFor(/^PILEUS-READY /m, 40_000);
    await guest.waitFor(/^PILEUS-USERDATA exit=0$/m, 10_000);
    const text = await guest.console();
    assert.match(text, new RegExp(`^PILEUS-META http://169.254.169.254/openstack instance=${second} `, 'm'));
    assert.match(text, /^PILEUS-USERDATA ignored: packages$/m);
    assert.match(text, /^user-data: ran in \/root\nuser-data: listed two$/m);
    assert.equal(
      await ssh(guest, 'pileus', 'hostname; sudo cat /etc/demo.conf'),
      'from-service\nline one\n  indented',
    );
    await guest.monitor('netdev_add user,id=n1,net=10.9.0.0/24');
    await guest.monitor('device_add virtio-net-pci,netdev=n1,id=nic1,romfile=');
    await guest.waitFor(/PILEUS-NET eth1 10\.9\.0\.15\/24 /m, 15_000);
    await guest.monitor('device_del nic1');
    await guest.waitFor(/PILEUS-NET eth1 gone$/m, 10_000);
  });
});

async function startMetadataService(
  pages: ReadonlyMap<string, string>,
): Promise<AsyncDisposable & { port: number }> {
  const server: Server = createServer((request, response) => {
    const page = pages.get(request.url ?? '');
    response.statusCode = page === undefined ? 404 : 200;
    response.end(page ?? 'not found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
