// What only the real libvirt can show: domains of others, lost connections, consoles, secrets, and an owner's death.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { MonitorFlag, StartFlag } from '#platform/libvirt/constants.ts';
import { isLibvirtError } from '#platform/libvirt/errors.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import { domainXml } from './domain-xml.ts';
import { HypervisorError } from './errors.ts';
import type { GuestDisk, GuestSpec, ServerEvent } from './port.ts';
import { privateLibvirtd } from './private-daemon.ts';
import { LibvirtHypervisor } from './real.ts';
import { startTestHost, whyNoLibvirt } from './testing/test-host.ts';
import type { TestHost } from './testing/test-host.ts';
import { tinyGuestDisk } from './testing/tiny-guest.ts';

const skip = whyNoLibvirt();

describe('on a real libvirtd', { skip, timeout: 120_000 }, () => {
  let host: TestHost;
  let hypervisor: LibvirtHypervisor;
  const connect = () => LibvirtClient.connect({ address: { path: host.socketPath } });

  before(async () => {
    host = await startTestHost();
    await writeFile(path.join(host.dir, 'disk.img'), tinyGuestDisk('sleeps'));
    hypervisor = new LibvirtHypervisor({
      address: { path: host.socketPath },
      savedMemoryDir: `${host.dir}/saved`,
    });
  });
  after(async () => {
    await hypervisor?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  function spec(name: string): GuestSpec {
    const at = (file: string) => path.join(host.dir, `${name}.${file}`);
    const source = { kind: 'file', path: path.join(host.dir, 'disk.img'), format: 'raw' } as const;
    return {
      id: randomUUID(),
      name,
      vcpus: 1,
      memoryMb: 16,
      arch: 'x86_64',
      machine: 'pc',
      accel: 'tcg',
      cpuMode: 'maximum',
      disks: [{ source, device: 'disk', bus: 'virtio', target: 'vda', readonly: true }],
      interfaces: [],
      consoleLogPath: at('log'),
      serialSocketPath: at('serial'),
      vncSocketPath: at('vnc'),
      randomDevice: false,
      metadata: { displayName: name, projectId: 'p', userId: 'u', flavorName: 'f' },
    };
  }

  test('leaves domains of others alone', async () => {
    await using client = await connect();
    const foreign = domainXml(spec('foreign')).replace(/<metadata>.*<\/metadata>/, '');
    const domain = await client.call(libvirt.domainCreateXml, { xml: foreign, flags: StartFlag.paused });
    assert.deepEqual(await hypervisor.listServers(), []);
    await client.call(libvirt.domainDestroyFlags, { domain, flags: 0 });
  });

  test('carries the console and a screenshot as streams, and passes monitor commands', async () => {
    await using client = await connect();
    const xml = domainXml(spec('console')).replace(/<serial.*<\/serial>/, '<serial type="pty"/>');
    const domain = await client.call(libvirt.domainCreateXml, { xml, flags: StartFlag.paused });
    const monitor = { domain, command: '{"execute":"query-status"}', flags: MonitorFlag.qmp };
    const answer = await client.call(libvirt.qemuDomainMonitorCommand, monitor);
    assert.equal(JSON.parse(answer).return.status, 'prelaunch');

    const console = await client.openConsole(domain);
    await client.call(libvirt.domainResume, { domain });
    let text = '';
    console.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    // QEMU drops what a guest writes before it has noticed that its terminal is open: let the guest say it again.
    const again = setInterval(() => {
      client.call(libvirt.domainReset, { domain, flags: 0 }).catch(() => undefined);
    }, 2_000);
    await eventually(async () => assert.match(text, /OK/)).finally(() => clearInterval(again));
    console.destroy();
    const { result, stream } = await client.callStream(libvirt.domainScreenshot, {
      domain,
      screen: 0,
      flags: 0,
    });
    assert.equal(result, 'image/png');
    assert.match((await buffer(stream)).toString('latin1', 0, 4), /PNG$/);
    await client.call(libvirt.domainDestroyFlags, { domain, flags: 0 });
  });

  test('starts every machine, bus and boot that a specification can name', async () => {
    const file = { kind: 'file', path: path.join(host.dir, 'disk.img'), format: 'raw' } as const;
    const disk = (
      bus: GuestDisk['bus'],
      target: string,
      device: GuestDisk['device'] = 'disk',
    ): GuestDisk => ({
      source: file,
      device,
      bus,
      target,
      readonly: bus === 'virtio',
    });
    const kernelPath = path.join(host.dir, 'kernel');
    const initrdPath = kernelPath;
    await writeFile(kernelPath, kernelHeader());
    const changes: Partial<GuestSpec>[] = [
      { machine: 'pc', disks: [disk('virtio', 'vda'), disk('ide', 'hda', 'cdrom')] },
      { machine: 'q35', disks: [disk('sata', 'sda', 'cdrom')], cpuMode: 'default', vcpus: 2 },
      {
        machine: 'q35',
        disks: [disk('scsi', 'sda')],
        metadata: { ...spec('m').metadata, displayName: '</x> & \u0001' },
      },
      { disks: [], kernel: { kernelPath, initrdPath, commandLine: 'console=ttyS0 a="b c"' } },
    ];
    for (const change of changes) {
      const server = { ...spec('variants'), ...change };
      await hypervisor.createServer(server, { paused: true });
      assert.equal((await hypervisor.serverState(server.id)).state, 'paused');
      await hypervisor.destroyServer(server.id);
    }
  });

  test('keeps secrets for storage', async () => {
    await using client = await connect();
    const uuid = randomUUID();
    const xml = `<secret ephemeral="no" private="yes"><uuid>${uuid}</uuid><usage type="ceph"><name>u</name></usage></secret>`;
    const secret = await client.call(libvirt.secretDefineXml, { xml, flags: 0 });
    assert.equal(secret.uuid, uuid);
    await client.call(libvirt.secretSetValue, { secret, value: Buffer.from('key') });
    await client.call(libvirt.secretUndefine, secret);
    await assert.rejects(client.call(libvirt.secretLookupByUuid, uuid), (error) => isLibvirtError(error, 66));
  });

  test('reads statistics of the node and capabilities of its domains', async () => {
    await using client = await connect();
    assert.equal(await client.call(libvirt.connectGetHostname, undefined), 'test-host');
    const xml = await client.call(libvirt.connectGetDomainCapabilities, { virtType: 'qemu', machine: 'pc' });
    assert.match(xml, /<domainCapabilities>/);
    const { cpu } = await hypervisor.hostUsage();
    assert.ok(cpu.idle > 0n);
  });

  test('says unreachable while libvirtd is away, and resync when it is back; its guests ended with it', async () => {
    const server = spec('reconnect');
    await hypervisor.createServer(server);
    const events: ServerEvent[] = [];
    const off = hypervisor.onServerEvent((event) => events.push(event));
    const restarted = host.restart();
    await assert.rejects(
      async () => {
        for (;;) await hypervisor.serverState(server.id);
      },
      (error) => error instanceof HypervisorError && error.code === 'unreachable',
    );
    await restarted;
    const deadline = performance.now() + 20_000;
    while (!events.some(({ kind }) => kind === 'resync')) {
      assert.ok(performance.now() < deadline, 'no resync');
      await delay(20);
    }
    assert.deepEqual(await hypervisor.serverState(server.id), { state: 'absent' });
    off();
  });

  test('dies with its owner, guests and all', async () => {
    const dir = path.join(host.dir, 'o');
    const daemon = privateLibvirtd({ dir, hostname: 'owned', hostUuid: randomUUID() });
    await daemon.prepare();
    const script = `const { spawn } = require('node:child_process');
      spawn(${JSON.stringify(daemon.command)}, ${JSON.stringify(daemon.args)}, { stdio: 'ignore' }); setInterval(() => {}, 1000)`;
    const owner = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    const address = { path: daemon.socketPath };
    const client = await eventually(() => LibvirtClient.connect({ address }));
    await client.call(
      libvirt.domainCreateXml,
      { xml: domainXml(spec('owned')), flags: 0 },
      { timeoutMs: 60_000 },
    );
    assert.ok((await processesNaming(dir)).length >= 2);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await client.closed;
    await eventually(async () => assert.deepEqual(await processesNaming(dir), []));
  });
});

/** As much of a Linux kernel as QEMU looks at: boot protocol 2.4, one sector of setup, initrd below 896 MB. */
function kernelHeader(): Buffer {
  const kernel = Buffer.alloc(65_536);
  kernel.writeUInt8(1, 0x1f1);
  kernel.write('HdrS', 0x202);
  kernel.writeUInt16LE(0x0204, 0x206);
  kernel.writeUInt8(1, 0x211);
  kernel.writeUInt32LE(0x37ffffff, 0x22c);
  return kernel;
}

async function eventually<T>(act: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(20);
    }
  }
}

/** Process ids whose command line names the directory. */
async function processesNaming(dir: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const named = await Promise.all(
    ids.map(async (id) =>
      (await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')).includes(`${dir}/`),
    ),
  );
  return ids.filter((_, index) => named[index]);
}
