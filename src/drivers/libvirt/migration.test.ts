// What every Hypervisor does when a server moves to another host while it runs, real or model: the same cases over both.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeHypervisor } from './fake.ts';
import type { HypervisorErrorCode } from './errors.ts';
import type { GuestDisk, GuestSpec, Hypervisor, MigrateOptions, MigrationProgress } from './port.ts';
import { LibvirtHypervisor } from './real.ts';
import { consoleText, eventually, refusal, specIn } from './testing/contract-parts.ts';
import { startTestHost, whyNoLibvirt, type TestHost } from './testing/test-host.ts';

interface Host {
  readonly dir: string;
  readonly hypervisor: Hypervisor;
  addTap(name: string): Promise<void>;
}

interface Pair extends AsyncDisposable {
  readonly here: Host;
  readonly there: Host;
  /** `here`, and migrations of servers named so take seconds. */
  readonly slow: Hypervisor;
  /** Whoever called `slow` hears no more of it, and can call it again. */
  cutOff(call: Promise<void>): Promise<void>;
  /** Ends the hypervisor of `there` with all it runs. */
  endThere(): Promise<void>;
}

const SLOW = 'slow';

async function fakePair(): Promise<Pair> {
  const dir = await mkdtemp(path.join(tmpdir(), 'pfm-'));
  const neighbours = new Map<string, FakeHypervisor>();
  const host = async (name: string) => {
    const taps = new Set<string>();
    await mkdir(path.join(dir, name));
    return {
      dir: path.join(dir, name),
      addTap: async (tap: string) => void taps.add(tap),
      hypervisor: new FakeHypervisor({
        neighbours,
        tapExists: (tap) => taps.has(tap),
        migrates: ({ metadata }) => ({ neverConverges: metadata.displayName === SLOW }),
      }),
    };
  };
  const [here, there] = [await host('a'), await host('b')];
  return {
    here,
    there,
    slow: here.hypervisor,
    cutOff: async (call) => {
      here.hypervisor.disconnect();
      await call.catch(() => undefined);
      here.hypervisor.reconnect();
    },
    endThere: async () => there.hypervisor.disconnect(),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

async function realPair(): Promise<Pair> {
  await using starting = new AsyncDisposableStack();
  let started = starting;
  const host = async (beside?: TestHost) => {
    const made = started.use(await startTestHost(beside && { beside }));
    const connect = (migrationMbPerSecond?: number) =>
      started.use(
        new LibvirtHypervisor({
          address: { path: made.socketPath },
          savedMemoryDir: path.join(made.dir, 'saved'),
          ...(migrationMbPerSecond !== undefined && { migrationMbPerSecond }),
        }),
      );
    return { made, connect, dir: made.dir, hypervisor: connect(), addTap: made.addTap };
  };
  const here = await host();
  await here.hypervisor.capabilities(); // asks QEMU
  const there = await host(here.made);
  let slow = here.connect(1);
  started = starting.move();
  return {
    here,
    there,
    get slow() {
      return slow;
    },
    cutOff: async () => {
      await slow[Symbol.asyncDispose]();
      slow = here.connect(1);
    },
    endThere: () => there.made.restart(),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

const noLibvirt = whyNoLibvirt();
if (noLibvirt !== undefined) console.error(`SKIPPED: migrations by libvirt are not tested (${noLibvirt})`);

const pairs = [
  { name: 'model', start: fakePair, skip: undefined },
  { name: 'libvirt', start: realPair, skip: noLibvirt },
];

/** The same server with its files at another host. */
function specAt(dir: string, spec: GuestSpec, changes: Partial<GuestSpec> = {}): GuestSpec {
  const at = (file: string): string => path.join(dir, path.basename(file));
  return {
    ...spec,
    disks: spec.disks.map((disk) =>
      disk.source.kind === 'file' ? withFile(disk, at(disk.source.path)) : disk,
    ),
    consoleLogPath: at(spec.consoleLogPath),
    serialSocketPath: at(spec.serialSocketPath),
    vncSocketPath: at(spec.vncSocketPath),
    ...changes,
  };
}

const withFile = (disk: GuestDisk, file: string): GuestDisk => ({
  ...disk,
  source: { kind: 'file', path: file, format: 'raw' },
});

const diskIn = (file: string, target: string): GuestDisk => ({
  source: { kind: 'file', path: file, format: 'raw' },
  device: 'disk',
  bus: 'virtio',
  target,
});

const pathOf = ({ source }: GuestDisk): string => (source.kind === 'file' ? source.path : '');

/** Empty storage for all its disks. */
async function makeStorage(from: GuestSpec, to: GuestSpec): Promise<void> {
  for (const [at, disk] of to.disks.entries()) {
    await writeFile(pathOf(disk), '');
    await truncate(pathOf(disk), (await stat(pathOf(from.disks[at]!))).size); // of the same disks
  }
}

const never = new AbortController().signal;

for (const { name, start, skip } of pairs) {
  describe(`Migration contract: ${name}`, { skip, timeout: 120_000 }, () => {
    let pair: Pair;
    const to = () => pair.there.hypervisor.migrationAddress() ?? assert.fail('no address');
    const states = async (id: string) =>
      Promise.all([pair.here, pair.there].map(async ({ hypervisor }) => hypervisor.serverState(id)));
    const end = async (id: string) => {
      for (const { hypervisor } of [pair.here, pair.there]) await hypervisor.destroyServer(id);
    };

    /** A server that runs here, with storage there. Its migration by `slow` takes seconds. */
    const startServer = async (displayName = 'sleeps') => {
      const spec = await specIn(pair.here.dir, 'sleeps');
      const here = { ...spec, metadata: { ...spec.metadata, displayName } };
      // The last of it is what slow ones take their time with.
      await appendFile(pathOf(here.disks[0]!), randomBytes(displayName === SLOW ? 12_582_912 : 65_536));
      const there = specAt(pair.there.dir, here);
      await makeStorage(here, there);
      await pair.here.hypervisor.createServer(here);
      return { id: spec.id, here, there, how: { to: to(), spec: there, copyDisks: ['vda'], signal: never } };
    };

    /** Begins one that takes seconds; returns when it is under way. */
    const migrateSlowly = async (id: string, how: MigrateOptions) => {
      const underWay = Promise.withResolvers<void>();
      const call = pair.slow.migrateServer(id, {
        ...how,
        onProgress: ({ diskTotal }) => diskTotal > 0 && underWay.resolve(),
      });
      await Promise.race([underWay.promise, call]);
      return { call };
    };

    before(async () => {
      pair = await start();
    });
    after(() => pair?.[Symbol.asyncDispose]());

    test('moves a server that runs, with devices that came later, and is repeatable', async () => {
      const { here, there } = pair;
      const boot = await specIn(here.dir, 'writes to its second disk');
      const disks = ['vdb', 'vdc'].map((target) => diskIn(path.join(here.dir, target), target));
      for (const disk of disks) await writeFile(pathOf(disk), '');
      for (const disk of disks) await truncate(pathOf(disk), 40_000_000 - (40_000_000 % 512));
      const second = { ...disks[0]!, bootIndex: 2 }; // the firmware ignores disks that it may not boot
      const nics = ['tap-a', 'tap-b'].map((tapName, at) => ({
        mac: `FA:16:3e:00:00:0${at}`,
        mtu: 1442,
        tapName,
        offloads: false,
      }));
      for (const { tapName } of nics) await here.addTap(tapName);
      for (const tapName of ['tap-c', 'tap-d']) await there.addTap(tapName);
      const spec = {
        ...boot,
        disks: [...boot.disks, second],
        interfaces: [nics[0]!],
        metadata: { ...boot.metadata, displayName: 'Ä & <b> "quoted"' },
      };
      await here.hypervisor.createServer(spec);
      await here.hypervisor.attachInterface(spec.id, nics[1]!);
      await here.hypervisor.attachDisk(spec.id, disks[1]!);
      const whole = { ...spec, disks: [...boot.disks, second, disks[1]!] };
      const wanted = specAt(there.dir, whole, {
        interfaces: nics.map((nic, at) => ({ ...nic, tapName: ['tap-c', 'tap-d'][at]! })).toReversed(),
      });
      await makeStorage(whole, wanted);
      if (name === 'libvirt')
        await eventually('writes', async () => (await consoleText(spec)).includes('..'));
      const written = (await consoleText(spec)).length;

      const events: string[] = [];
      const off = [here, there].map(({ hypervisor }, at) =>
        hypervisor.onServerEvent((event) => {
          if (event.kind !== 'resync') events.push(`${event.kind} ${at === 0 ? 'here' : 'there'}`);
        }),
      );
      const how = { to: to(), spec: wanted, copyDisks: ['vda', 'vdb', 'vdc'], signal: never };
      for (const _ of [1, 2]) {
        await here.hypervisor.migrateServer(spec.id, how);
        assert.deepEqual(await states(spec.id), [{ state: 'absent' }, { state: 'running' }]);
      }
      await eventually('events', () =>
        ['started there', 'resumed there', 'migrated here'].every((each) => events.includes(each)),
      );
      assert.ok(!events.some((each) => each.startsWith('stopped')), events.join());
      for (const each of off) each();

      const { vncSocketPath, serialSocketPath } = wanted;
      assert.deepEqual(await there.hypervisor.consoleEndpoints(spec.id), { vncSocketPath, serialSocketPath });
      assert.equal(await there.hypervisor.consoleLog(spec.id), wanted.consoleLogPath);
      const { interfaces } = await there.hypervisor.diagnostics(spec.id);
      assert.deepEqual(interfaces.map(({ tapName }) => tapName).toSorted(), ['tap-c', 'tap-d']);
      assert.deepEqual(
        (await there.hypervisor.listDisks(spec.id)).map(({ target }) => target),
        ['vda', 'vdb', 'vdc'],
      );
      // It goes on where it was, on what it had written.
      if (name === 'libvirt') {
        await eventually('writes there', async () => (await consoleText(wanted)).startsWith('..'));
        const [boots, disk] = [
          await readFile(pathOf(wanted.disks[0]!)),
          await readFile(pathOf(wanted.disks[1]!)),
        ];
        assert.deepEqual(boots, await readFile(pathOf(boot.disks[0]!)));
        for (let sector = 0; sector < written; sector += 1)
          assert.equal(disk.readUInt16LE(sector * 512), sector + 1);
      }
      await end(spec.id);
    });

    test('moves a server that is paused, which stays so', async () => {
      const { id, how } = await startServer();
      await pair.here.hypervisor.pauseServer(id);
      await pair.here.hypervisor.migrateServer(id, how);
      assert.deepEqual(await states(id), [{ state: 'absent' }, { state: 'paused', reason: 'user' }]);
      await pair.there.hypervisor.resumeServer(id);
      assert.deepEqual(await states(id), [{ state: 'absent' }, { state: 'running' }]);
      await end(id);
    });

    test('leaves the server where it is when it is called off, even if it was paused meanwhile', async () => {
      const { id, how } = await startServer(SLOW);
      const calledOff = new AbortController();
      const { call } = await migrateSlowly(id, { ...how, signal: calledOff.signal });
      await pair.here.hypervisor.pauseServer(id);
      calledOff.abort(new Error('called off'));
      await assert.rejects(call, /called off/);
      assert.deepEqual(await states(id), [{ state: 'running' }, { state: 'absent' }]);
      await assert.rejects(
        pair.here.hypervisor.migrateServer(id, { ...how, signal: calledOff.signal }),
        /called off/,
      );
      await end(id);
    });

    test('joins a migration that another call began, and ends it by a pause, after which the server runs', async () => {
      const { id, here, there, how } = await startServer(SLOW);
      const progress: MigrationProgress[] = [];
      const { call } = await migrateSlowly(id, how);
      const [unheard] = await Promise.allSettled([call, pair.cutOff(call)]);
      assert.ok(unheard.status === 'rejected' && refusal('unreachable')(unheard.reason));
      const joined = pair.slow.migrateServer(id, { ...how, onProgress: (each) => progress.push(each) });
      await eventually('joined', () => progress.length > 0);
      await pair.here.hypervisor.pauseServer(id);
      await joined;
      assert.deepEqual(await states(id), [{ state: 'absent' }, { state: 'running' }]);
      const [from, whole] = [here, there].map(({ disks }) => readFile(pathOf(disks[0]!))); // each has one
      if (name === 'libvirt') assert.ok((await whole!).equals(await from!));
      const { diskTotal, diskProcessed, diskRemaining } = progress[0]!; // see above
      assert.ok(diskTotal > 0 && diskProcessed + diskRemaining === diskTotal, JSON.stringify(progress[0]));
      await end(id);
    });

    test('says what cannot be, and leaves everything as it was', async () => {
      const { id, here, there, how } = await startServer();
      const { hypervisor } = pair.here;
      const refuses = async (changes: Partial<MigrateOptions>, code: HypervisorErrorCode) => {
        await assert.rejects(hypervisor.migrateServer(id, { ...how, ...changes }), refusal(code));
        assert.equal((await hypervisor.serverState(id)).state, 'running');
      };
      const nic = { mac: 'fa:16:3e:00:00:99', mtu: 1442, tapName: 'no-such-tap', offloads: false };
      await refuses({ to: 'qemu+unix:///system?socket=%2Fno%2Fsuch%2Fsocket' }, 'failed');
      await refuses({ to: 'nowhere' }, 'failed');
      await refuses({ spec: { ...there, memoryMb: 32 } }, 'invalid-spec');
      await refuses({ spec: { ...there, interfaces: [nic] } }, 'invalid-spec');
      await refuses({ copyDisks: ['vdz'] }, 'invalid-spec');
      assert.deepEqual(await states(id), [{ state: 'running' }, { state: 'absent' }]);
      const inTheWay = { ...there, id: randomUUID() };
      await pair.there.hypervisor.createServer(inTheWay, { paused: true });
      await refuses({}, 'failed');
      await pair.there.hypervisor.destroyServer(inTheWay.id);
      await hypervisor.suspendServer(id);
      await assert.rejects(hypervisor.migrateServer(id, how), refusal('wrong-state'));
      await end(id);
      await assert.rejects(hypervisor.migrateServer(here.id, how), refusal('no-server'));
    });

    test('goes on here when the destination ends meanwhile', async () => {
      const { id, how } = await startServer(SLOW);
      const { call } = await migrateSlowly(id, how);
      const [refused] = await Promise.allSettled([call, pair.endThere()]);
      assert.ok(refused.status === 'rejected' && refusal('failed')(refused.reason));
      assert.equal((await pair.here.hypervisor.serverState(id)).state, 'running');
      await pair.here.hypervisor.destroyServer(id);
    });
  });
}
