// What every Hypervisor does, real or model: the same cases over both.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeHypervisor } from './fake.ts';
import type { Hypervisor, ServerEvent } from './port.ts';
import { LibvirtHypervisor } from './real.ts';
import { consoleText, eventually, refusal, specIn } from './testing/contract-parts.ts';
import { startTestHost, whyNoLibvirt } from './testing/test-host.ts';

interface World extends AsyncDisposable {
  readonly dir: string;
  readonly hypervisor: Hypervisor;
  addTap(name: string): Promise<void>;
}

async function fakeWorld(): Promise<World> {
  const dir = await mkdtemp(path.join(tmpdir(), 'pfh-'));
  const taps = new Set<string>();
  const hypervisor = new FakeHypervisor({
    tapExists: (name) => taps.has(name),
    guest: (spec) => ({
      releasesDevices: false,
      ...(spec.metadata.displayName === 'obeys power button' && { powersOffAfterMs: 20 }),
    }),
    boots: (spec) => {
      appendFileSync(spec.consoleLogPath, 'OK\n');
      if (spec.metadata.displayName === 'powers off') setImmediate(() => hypervisor.endGuest(spec.id));
    },
  });
  return {
    dir,
    hypervisor,
    addTap: async (name) => void taps.add(name),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

async function realWorld(): Promise<World> {
  const host = await startTestHost();
  const hypervisor = new LibvirtHypervisor({
    address: { path: host.socketPath },
    savedMemoryDir: path.join(host.dir, 'saved'),
    maxInFlight: 32,
  });
  return {
    dir: host.dir,
    hypervisor,
    addTap: host.addTap,
    [Symbol.asyncDispose]: async () => {
      await hypervisor[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

const noLibvirt = whyNoLibvirt();
if (noLibvirt !== undefined) console.error(`SKIPPED: the libvirt driver is not tested (${noLibvirt})`);

const worlds = [
  { name: 'model', start: fakeWorld, skip: undefined },
  { name: 'libvirt', start: realWorld, skip: noLibvirt },
];

for (const { name, start, skip } of worlds) {
  describe(`Hypervisor contract: ${name}`, { skip, timeout: 120_000 }, () => {
    let world: World;
    let hypervisor: Hypervisor;
    const stateOf = async (id: string) => (await hypervisor.serverState(id)).state;
    const reaches = (id: string, state: string) =>
      eventually(state, async () => (await stateOf(id)) === state);

    before(async () => {
      world = await start();
      hypervisor = world.hypervisor;
    });
    after(() => world?.[Symbol.asyncDispose]());

    test('tells what the host can do and has left', async () => {
      const capabilities = await hypervisor.capabilities();
      assert.ok(capabilities.cpus > 0 && capabilities.memoryMb > 0);
      assert.ok(capabilities.accels.includes('tcg'));
      assert.ok(capabilities.machines.includes('pc'), capabilities.machines.join());
      const usage = await hypervisor.hostUsage();
      assert.ok(usage.memoryFreeMb > 0 && usage.memoryFreeMb <= usage.memoryTotalMb);
    });

    test('starts paused, resumes, pauses, destroys; each may be repeated', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      assert.equal(await stateOf(spec.id), 'absent');
      await hypervisor.createServer(spec, { paused: true });
      assert.deepEqual(await hypervisor.serverState(spec.id), { state: 'paused', reason: 'user' });
      for (const _ of [1, 2]) {
        await hypervisor.resumeServer(spec.id);
        assert.equal(await stateOf(spec.id), 'running');
      }
      assert.deepEqual(
        (await hypervisor.listServers()).filter((server) => server.id === spec.id),
        [{ id: spec.id, name: spec.name, state: 'running' }],
      );
      for (const _ of [1, 2]) {
        await hypervisor.pauseServer(spec.id);
        assert.equal(await stateOf(spec.id), 'paused');
      }
      for (const _ of [1, 2]) {
        await hypervisor.destroyServer(spec.id);
        assert.equal(await stateOf(spec.id), 'absent');
      }
    });

    test('refuses a second server of the same id or name', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      await hypervisor.createServer(spec, { paused: true });
      await assert.rejects(hypervisor.createServer(spec), refusal('server-exists'));
      const twin = await specIn(world.dir, 'sleeps', { name: spec.name });
      await assert.rejects(hypervisor.createServer(twin), refusal('server-exists'));
      await hypervisor.destroyServer(spec.id);
    });

    test('refuses impossible specifications and leaves nothing behind', async () => {
      const long = await specIn(world.dir, 'sleeps', { vncSocketPath: `/tmp/${'x'.repeat(120)}` });
      await assert.rejects(hypervisor.createServer(long), refusal('invalid-spec'));
      const nic = { mac: 'fa:16:3e:00:00:99', mtu: 1442, tapName: 'no-such-tap', offloads: false };
      const unplugged = await specIn(world.dir, 'sleeps', { interfaces: [nic] });
      await assert.rejects(hypervisor.createServer(unplugged), refusal('failed'));
      assert.equal(await stateOf(unplugged.id), 'absent');
    });

    test('knows no server that is not there', async () => {
      const id = randomUUID();
      for (const act of [
        () => hypervisor.pauseServer(id),
        () => hypervisor.resumeServer(id),
        () => hypervisor.suspendServer(id),
        () => hypervisor.resumeSuspendedServer(id),
        () => hypervisor.rebootServer(id, 'soft'),
        () => hypervisor.rebootServer(id, 'hard'),
        () => hypervisor.interruptServer(id),
        () => hypervisor.stopServer(id, { graceMs: 10 }),
        () => hypervisor.diagnostics(id),
        () => hypervisor.consoleEndpoints(id),
        () => hypervisor.detachDisk(id, 'vdb'),
      ]) {
        await assert.rejects(act(), refusal('no-server'));
      }
    });

    test('lets a guest power off by its button, and forces one that does not', async () => {
      const polite = await specIn(world.dir, 'obeys power button');
      await hypervisor.createServer(polite);
      await eventually('boot', async () => (await consoleText(polite)).includes('OK'));
      assert.equal(await hypervisor.stopServer(polite.id, { graceMs: 10_000 }), 'guest');
      assert.equal(await stateOf(polite.id), 'absent');
      const deaf = await specIn(world.dir, 'sleeps');
      await hypervisor.createServer(deaf);
      assert.equal(await hypervisor.stopServer(deaf.id, { graceMs: 100 }), 'forced');
      assert.equal(await stateOf(deaf.id), 'absent');
    });

    test('starts a server again the moment its guest is off', async () => {
      const spec = await specIn(world.dir, 'obeys power button');
      for (const boots of [1, 2, 3, 4]) {
        await hypervisor.createServer(spec);
        await eventually('boot', async () => (await consoleText(spec)).split('OK').length > boots);
        assert.equal(await hypervisor.stopServer(spec.id, { graceMs: 10_000 }), 'guest');
      }
      await hypervisor.createServer(spec);
      await hypervisor.destroyServer(spec.id);
      await hypervisor.createServer(spec);
      await hypervisor.destroyServer(spec.id);
    });

    test('forgets a server whose guest powered itself off, and says so', async () => {
      const events: ServerEvent[] = [];
      const off = hypervisor.onServerEvent((event) => events.push(event));
      const spec = await specIn(world.dir, 'powers off');
      await hypervisor.createServer(spec);
      await reaches(spec.id, 'absent');
      await eventually('event', () =>
        events.some((event) => event.kind === 'stopped' && event.serverId === spec.id),
      );
      off();
    });

    test('keeps the memory of a suspended server until it is resumed or destroyed', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      await hypervisor.createServer(spec);
      for (const _ of [1, 2]) {
        await hypervisor.suspendServer(spec.id);
        assert.equal(await stateOf(spec.id), 'suspended');
      }
      await assert.rejects(hypervisor.createServer(spec), refusal('server-exists'));
      assert.ok(!(await hypervisor.listServers()).some((server) => server.id === spec.id));
      for (const _ of [1, 2]) {
        await hypervisor.resumeSuspendedServer(spec.id);
        assert.equal(await stateOf(spec.id), 'running');
      }
      await hypervisor.suspendServer(spec.id);
      await hypervisor.destroyServer(spec.id);
      assert.equal(await stateOf(spec.id), 'absent');
    });

    test('resets a server in place', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      await hypervisor.createServer(spec);
      await eventually('first boot', async () => (await consoleText(spec)).includes('OK'));
      await hypervisor.interruptServer(spec.id);
      await hypervisor.rebootServer(spec.id, 'hard');
      await eventually('second boot', async () => (await consoleText(spec)).split('OK').length > 2);
      assert.equal(await stateOf(spec.id), 'running');
      await hypervisor.destroyServer(spec.id);
    });

    test('tells each change of state', async () => {
      const kinds: string[] = [];
      const spec = await specIn(world.dir, 'sleeps');
      const off = hypervisor.onServerEvent((event) => {
        if (event.kind !== 'resync' && event.serverId === spec.id) kinds.push(event.kind);
      });
      await hypervisor.createServer(spec, { paused: true });
      await hypervisor.resumeServer(spec.id);
      await hypervisor.pauseServer(spec.id);
      await hypervisor.destroyServer(spec.id);
      await eventually('stopped', () => kinds.includes('stopped'));
      assert.deepEqual(kinds, ['started', 'paused', 'resumed', 'paused', 'stopped']);
      off();
    });

    test('plugs into taps that exist, and leaves them when the server ends', async () => {
      const nic = (tapName: string, last: string) => ({
        mac: `fa:16:3e:00:00:${last}`,
        mtu: 1442,
        tapName,
        offloads: false,
      });
      await world.addTap('tap-a');
      await world.addTap('tap-b');
      const spec = await specIn(world.dir, 'sleeps', { interfaces: [nic('tap-a', '01')] });
      for (const _ of [1, 2]) {
        await hypervisor.createServer(spec);
        await hypervisor.attachInterface(spec.id, nic('tap-b', '02'));
        const { interfaces } = await hypervisor.diagnostics(spec.id);
        assert.deepEqual(
          interfaces.map(({ tapName }) => tapName),
          ['tap-a', 'tap-b'],
        );
        const second = await specIn(world.dir, 'sleeps', { interfaces: [nic('tap-a', '03')] });
        await assert.rejects(hypervisor.createServer(second), refusal('failed'));
        await hypervisor.destroyServer(spec.id);
      }
    });

    test('attaches disks, and says when the guest holds on to one', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      const extra = path.join(world.dir, 'extra.img');
      await writeFile(extra, Buffer.alloc(65_536));
      await hypervisor.createServer(spec);
      const source = { kind: 'file', path: extra, format: 'raw' } as const;
      await hypervisor.attachDisk(spec.id, {
        source,
        device: 'disk',
        bus: 'virtio',
        target: 'vdb',
        serial: 'v1',
      });
      const targets = async () => (await hypervisor.diagnostics(spec.id)).disks.map(({ target }) => target);
      assert.deepEqual(await targets(), ['vda', 'vdb']);
      assert.equal(await hypervisor.detachDisk(spec.id, 'vdb'), 'requested');
      assert.equal(await hypervisor.detachDisk(spec.id, 'vdz'), 'removed');
      await hypervisor.destroyServer(spec.id);
    });

    test('lists disks with their serials, and tells the guest that one has grown', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      const extra = path.join(world.dir, 'grows.img');
      await writeFile(extra, Buffer.alloc(65_536));
      await hypervisor.createServer(spec);
      const source = { kind: 'file', path: extra, format: 'raw' } as const;
      const disk = { source, device: 'disk', bus: 'virtio', target: 'vdb', serial: 'v2' } as const;
      await hypervisor.attachDisk(spec.id, { ...disk, cache: 'writethrough', discard: true });
      await truncate(extra, 131_072);
      for (const _ of [1, 2]) await hypervisor.resizeDisk(spec.id, 'vdb', 131_072);
      const [root, grown] = await hypervisor.listDisks(spec.id);
      assert.deepEqual([root?.target, root?.serial], ['vda', 'root']);
      assert.deepEqual(grown, { target: 'vdb', device: 'disk', serial: 'v2', bytes: 131_072 });
      await assert.rejects(hypervisor.resizeDisk(spec.id, 'vdz', 131_072), refusal('no-device'));
      await hypervisor.destroyServer(spec.id);
      await assert.rejects(hypervisor.listDisks(spec.id), refusal('no-server'));
    });

    test('puts other storage below a disk while the server goes on', async () => {
      const spec = await specIn(world.dir, 'sleeps');
      const [from, to] = ['from.img', 'to.img'].map((file) => path.join(world.dir, file)) as [string, string];
      await writeFile(from, Buffer.alloc(1_048_576, 'content'));
      await writeFile(to, Buffer.alloc(2_097_152));
      await hypervisor.createServer(spec);
      const how = { larger: true, signal: new AbortController().signal };
      const disk = (file: string) =>
        ({
          source: { kind: 'file', path: file, format: 'raw' },
          device: 'disk',
          bus: 'virtio',
          target: 'vdb',
          serial: 'v3',
        }) as const;
      await hypervisor.attachDisk(spec.id, disk(from));
      for (const _ of [1, 2]) await hypervisor.replaceDisk(spec.id, disk(to), how);
      await hypervisor.resizeDisk(spec.id, 'vdb', 2_097_152);
      assert.equal(await stateOf(spec.id), 'running');
      assert.deepEqual((await hypervisor.listDisks(spec.id))[1], {
        target: 'vdb',
        device: 'disk',
        serial: 'v3',
        bytes: 2_097_152,
      });
      if (name === 'libvirt')
        assert.deepEqual((await readFile(to)).subarray(0, 1_048_576), await readFile(from));
      await writeFile(from, Buffer.alloc(2_097_152));
      const calledOff = { larger: false, signal: AbortSignal.abort(new Error('called off')) };
      await assert.rejects(hypervisor.replaceDisk(spec.id, disk(from), calledOff), /called off|aborted/);
      await hypervisor.replaceDisk(spec.id, disk(from), { ...how, larger: false });
      await assert.rejects(
        hypervisor.replaceDisk(spec.id, { ...disk(from), target: 'vdz' }, how),
        refusal('no-device'),
      );
      await hypervisor.destroyServer(spec.id);
      await assert.rejects(hypervisor.replaceDisk(spec.id, disk(to), how), refusal('no-server'));
    });

    test('keeps secrets for storage, and forgets them', async () => {
      const secret = { id: randomUUID(), usage: `volumes of ${randomUUID()}` };
      for (const value of ['old', 'new'])
        await hypervisor.defineSecret({ ...secret, value: Buffer.from(value) });
      for (const _ of [1, 2]) await hypervisor.removeSecret(secret.id);
    });

    test('tells where the consoles are and what a guest uses', async () => {
      const spec = await specIn(world.dir, 'sleeps', { vcpus: 2 });
      await hypervisor.createServer(spec);
      const { vncSocketPath, serialSocketPath } = spec;
      assert.deepEqual(await hypervisor.consoleEndpoints(spec.id), { vncSocketPath, serialSocketPath });
      assert.equal(await hypervisor.consoleLog(spec.id), spec.consoleLogPath);
      await eventually('console', async () => (await consoleText(spec)).includes('OK'));
      const usage = await hypervisor.diagnostics(spec.id);
      assert.equal(usage.vcpus.length, 2);
      assert.equal(usage.state, 'running');
      assert.deepEqual([usage.memory.maximumMb, usage.disks.length], [16, 1]);
      await hypervisor.destroyServer(spec.id);
    });
  });
}
