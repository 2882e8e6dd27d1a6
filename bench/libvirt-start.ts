// What a domain's start costs in libvirt, by choice of XML and configuration. Prints JSON; needs root.
//   node bench/libvirt-start.ts [runs]
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { domainXml } from '#drivers/libvirt/domain-xml.ts';
import type { GuestSpec } from '#drivers/libvirt/port.ts';
import type { LibvirtdTuning } from '#drivers/libvirt/private-daemon.ts';
import { startTestHost } from '#drivers/libvirt/testing/test-host.ts';
import type { TestHost } from '#drivers/libvirt/testing/test-host.ts';
import { tinyGuestDisk } from '#drivers/libvirt/testing/tiny-guest.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import { StartFlag } from '#platform/libvirt/constants.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';

const run = promisify(execFile);
const RUNS = Number(process.argv[2] ?? 9);

interface Variant {
  readonly name: string;
  readonly tuning?: LibvirtdTuning;
  readonly spec?: Partial<GuestSpec>;
  /** Changes the document where GuestSpec offers no choice. */
  readonly xml?: (xml: string) => string;
  readonly needs?: 'tap' | 'ovs';
}

const NIC = { mac: 'fa:16:3e:00:00:01', mtu: 1442, tapName: 'tap-bench', offloads: false };
const cut = (pattern: RegExp) => (xml: string) => xml.replace(pattern, '');
const OVS_PORT = '<source bridge="br-int"/><virtualport type="openvswitch"/>';

/** Not every machine lets a process raise its limit, so this is the largest that all allow us. */
const MANY_FILES = 16_384;
const LIBVIRT_AS_IT_COMES: LibvirtdTuning = { readCpuProperties: true, openFiles: MANY_FILES };

const variants: Variant[] = [
  { name: 'as we configure it' },
  { name: 'libvirt as it comes', tuning: LIBVIRT_AS_IT_COMES },
  { name: 'libvirt as it comes, cpu maximum', tuning: LIBVIRT_AS_IT_COMES, spec: { cpuMode: 'maximum' } },
  { name: 'reads CPU properties', tuning: { readCpuProperties: true } },
  {
    name: 'reads CPU properties, cpu maximum',
    tuning: { readCpuProperties: true },
    spec: { cpuMode: 'maximum' },
  },
  { name: 'cpu maximum', spec: { cpuMode: 'maximum' } },
  { name: 'open files 16384', tuning: { openFiles: MANY_FILES } },
  { name: 'machine q35', spec: { machine: 'q35' } },
  { name: 'machine microvm', spec: { machine: 'microvm' } },
  { name: 'USB controller', xml: cut(/<controller type="usb"[^>]*>/) },
  { name: 'memory balloon', xml: (xml) => xml.replace('<memballoon model="none"/>', '') },
  { name: 'no VNC, no video', xml: cut(/<graphics.*<\/graphics>|<video>.*<\/video>/g) },
  { name: 'no random device', spec: { randomDevice: false } },
  { name: 'no seclabel element', xml: cut(/<seclabel[^>]*>/) },
  { name: 'tap that exists', spec: { interfaces: [NIC] }, needs: 'tap' },
  {
    name: 'bridge with Open vSwitch port made by libvirt',
    spec: { interfaces: [NIC] },
    xml: (xml) => xml.replace('type="ethernet"', 'type="bridge"').replace(/<target dev="tap[^>]*>/, OVS_PORT),
    needs: 'ovs',
  },
];

interface Times {
  readonly create: number;
  readonly resume: number;
  readonly destroy: number;
}

async function once(client: LibvirtClient, xml: string): Promise<Times> {
  const begin = performance.now();
  const domain = await client.call(
    libvirt.domainCreateXml,
    { xml, flags: StartFlag.paused },
    { timeoutMs: 60_000 },
  );
  const created = performance.now();
  await client.call(libvirt.domainResume, { domain });
  const resumed = performance.now();
  await client.call(libvirt.domainDestroyFlags, { domain, flags: 0 });
  return { create: created - begin, resume: resumed - created, destroy: performance.now() - resumed };
}

function specOn(host: TestHost, changes: Partial<GuestSpec>): GuestSpec {
  const at = (name: string) => path.join(host.dir, name);
  return {
    id: randomUUID(),
    name: 'bench',
    vcpus: 1,
    memoryMb: 128,
    arch: 'x86_64',
    machine: 'pc',
    accel: 'tcg',
    cpuMode: 'default',
    disks: [
      {
        source: { kind: 'file', path: at('disk.img'), format: 'raw' },
        device: 'disk',
        bus: 'virtio',
        target: 'vda',
      },
    ],
    interfaces: [],
    consoleLogPath: at('console.log'),
    serialSocketPath: at('serial'),
    vncSocketPath: at('vnc'),
    randomDevice: true,
    metadata: { displayName: 'bench', projectId: 'p', userId: 'u', flavorName: 'f' },
    ...changes,
  };
}

/** A userspace Open vSwitch in the host's namespace. Returns what ends it. */
async function startOvs(host: TestHost): Promise<() => Promise<void>> {
  const dir = path.join(host.dir, 'ovs');
  await mkdir(dir);
  const db = `unix:${dir}/db.sock`;
  await run('ovsdb-tool', ['create', `${dir}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema']);
  const daemon = (program: string, ...args: string[]) =>
    spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'ip',
        'netns',
        'exec',
        host.netns,
        program,
        '-vconsole:off',
        '--no-chdir',
        ...args,
      ],
      { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: dir } },
    );
  const vsctl = (...args: string[]) => run('ovs-vsctl', [`--db=${db}`, '--timeout=10', ...args]);
  const children = [daemon('ovsdb-server', `--unixctl=${dir}/db.ctl`, `--remote=p${db}`, `${dir}/conf.db`)];
  while (
    await vsctl('--no-wait', 'init').then(
      () => false,
      () => true,
    )
  )
    await delay(20);
  children.push(daemon('ovs-vswitchd', `--unixctl=${dir}/vs.ctl`, db));
  await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev');
  return async () => {
    await Promise.all(
      children.map(async (child) => {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await exited;
      }),
    );
  };
}

interface Ground extends AsyncDisposable {
  readonly host: TestHost;
  readonly client: LibvirtClient;
}

async function startGround(variant: Variant): Promise<Ground> {
  const withOvs = variant.needs === 'ovs';
  const tuning = variant.tuning && { tuning: variant.tuning };
  const host = await startTestHost({ ...tuning, ...(withOvs && { ovsRundir: 'ovs' }) });
  await writeFile(path.join(host.dir, 'disk.img'), tinyGuestDisk('sleeps'));
  const stopOvs = withOvs ? await startOvs(host) : async () => undefined;
  await host.addTap(NIC.tapName);
  const client = await LibvirtClient.connect({ address: { path: host.socketPath } });
  await client.call(libvirt.connectGetCapabilities, undefined, { timeoutMs: 60_000 });
  return {
    host,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await stopOvs();
      await host[Symbol.asyncDispose]();
    },
  };
}

function documentOf(variant: Variant, { host }: Ground): string {
  const plain = domainXml(specOn(host, variant.spec ?? {}));
  const xml = variant.xml === undefined ? plain : variant.xml(plain);
  if (variant.xml !== undefined && xml === plain) throw new Error('the variant changes nothing');
  return xml;
}

function summary(times: readonly Times[], key: keyof Times) {
  const sorted = times.map((time) => time[key]).toSorted((a, b) => a - b);
  const at = (share: number) => Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1));
  return { min: at(0), median: at(0.5), max: at(1) };
}

await using grounds = new AsyncDisposableStack();
const groundOf = new Map<string, Ground>();
const cases: { name: string; client: LibvirtClient; xml: string; times: Times[]; failed?: string }[] = [];
for (const variant of variants) {
  const key = JSON.stringify([variant.tuning, variant.needs === 'ovs']);
  const ground = groundOf.get(key) ?? grounds.use(await startGround(variant));
  groundOf.set(key, ground);
  cases.push({ name: variant.name, client: ground.client, xml: documentOf(variant, ground), times: [] });
}

// Round by round over all variants, so that a busy moment of the machine hits all of them. The first round
// reads caches; it is not what a host pays each time.
for (let round = 0; round <= RUNS; round += 1) {
  for (const one of cases) {
    if (one.failed !== undefined) continue;
    try {
      const times = await once(one.client, one.xml);
      if (round > 0) one.times.push(times);
    } catch (error) {
      one.failed = error instanceof Error ? error.message : String(error);
    }
  }
}

const results = cases.map(({ name, times, failed }) =>
  failed === undefined
    ? {
        name,
        createPaused: summary(times, 'create'),
        resume: summary(times, 'resume'),
        destroy: summary(times, 'destroy'),
      }
    : { name, failed },
);
const load = Number((loadavg()[0] ?? 0).toFixed(2));
console.log(JSON.stringify({ unit: 'ms', runs: RUNS, cpus: cpus().length, load, results }, null, 2));
