/** What of the machine fits and what does not, each with its mend. Called by `pileus doctor`. */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import {
  CEPH_CLUSTER_PACKAGES,
  CEPH_PACKAGES,
  DEMO_IMAGE_PACKAGES,
  HYPERVISOR_PACKAGES,
  NETWORK_PACKAGES,
  TEST_PACKAGES,
  findMissing,
} from '../packages.ts';
import { explainTooLong, findDataDirectory } from '../data-directory.ts';
import { ListenImpossible } from '../errors.ts';
import { settlePort } from '../listen-address.ts';
import { probeKvm } from './kvm.ts';
import { probeNetwork } from './network.ts';
import type { NetworkAbilities } from './network.ts';

export type Finding = {
  what: string;
  /** `slow`: it works, by a slower way. */
  state: 'fits' | 'slow' | 'unfit';
  why: string;
  mend?: string | undefined;
};

export type CheckOptions = { dataPath: string; listen: string };

const GIB = 1024 ** 3;
/** OVN, switch, libvirt and Pileus take 400 MB; the rest is for two small guests. */
const MEMORY_NEEDED = 2 * GIB;
/** Packages 700 MB, images and a few guests' disks. */
const DISK_NEEDED = 5 * GIB;

/** In the order in which a person would mend them. */
export async function checkMachine({ dataPath, listen }: CheckOptions): Promise<Finding[]> {
  const [kvm, network, disk, port] = await Promise.all([
    checkKvm(),
    checkNetwork(),
    checkDisk(dataPath),
    checkPort(dataPath, listen),
  ]);
  return [
    checkRoot(),
    checkNode(),
    ...checkPackages(),
    kvm,
    ...network,
    checkMemory(),
    disk,
    port,
    checkClock(),
  ];
}

function checkRoot(): Finding {
  return process.getuid?.() === 0
    ? { what: 'root', state: 'fits', why: 'networks and guests can be made' }
    : {
        what: 'root',
        state: 'unfit',
        why: 'only --simulated works without it',
        mend: 'run as root, or: pileus up --simulated',
      };
}

function checkNode(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 26
    ? { what: 'Node', state: 'fits', why: `${process.version}` }
    : {
        what: 'Node',
        state: 'unfit',
        why: `${process.version} is older than 26`,
        mend: 'start it with ./pileus',
      };
}

function checkPackages(): Finding[] {
  const forClouds = [...NETWORK_PACKAGES, ...HYPERVISOR_PACKAGES, ...DEMO_IMAGE_PACKAGES];
  const lacking = findMissing(forClouds).map((need) => need.package);
  const forTests = findMissing(TEST_PACKAGES).map((need) => need.package);
  const install = (names: string[]): string => `apt-get install --no-install-recommends ${names.join(' ')}`;
  const finding = (what: string, names: string[], by: string): Finding =>
    names.length === 0
      ? { what, state: 'fits', why: 'all are installed' }
      : {
          what,
          state: 'slow',
          why: `${names.join(', ')} missing`,
          mend: `${by} installs them, or: ${install(names)}`,
        };
  const forCeph = findMissing([...CEPH_PACKAGES, ...CEPH_CLUSTER_PACKAGES]).map((need) => need.package);
  return [
    finding('packages', lacking, 'pileus up'),
    finding('Ceph packages', forCeph, 'pileus up --storage ceph'),
    finding('test packages', forTests, 'pileus test'),
  ];
}

async function checkKvm(): Promise<Finding> {
  const { works, why } = await probeKvm();
  if (works) return { what: 'KVM', state: 'fits', why };
  if (findMissing(HYPERVISOR_PACKAGES).some((need) => need.package === 'qemu-system-x86'))
    return { what: 'KVM', state: 'slow', why, mend: 'pileus up installs it and tries then' };
  const mend = 'guests are emulated (TCG), about ten times slower; enable (nested) virtualisation to mend it';
  return { what: 'KVM', state: 'slow', why, mend };
}

async function checkNetwork(): Promise<Finding[]> {
  if (process.getuid?.() !== 0) {
    return [
      {
        what: 'network',
        state: 'unfit',
        why: 'it can only be tried as root',
        mend: 'run the doctor as root',
      },
    ];
  }
  if (findMissing(NETWORK_PACKAGES).some((need) => need.package === 'iproute2')) {
    const why = 'iproute2 is not installed, so that it cannot be tried';
    return [{ what: 'network', state: 'slow', why, mend: 'pileus up installs it and tries then' }];
  }
  const found = await probeNetwork();
  const mends: Record<keyof NetworkAbilities, string> = {
    netns: 'a container needs the capability SYS_ADMIN; a kernel CONFIG_NET_NS',
    veth: 'modprobe veth; a container needs the capability NET_ADMIN',
    tap: 'modprobe tun; a container needs the device /dev/net/tun',
    kernelOvs: 'the switch runs in user space, which works; modprobe openvswitch geneve makes it faster',
  };
  const names = { netns: 'netns', veth: 'veth', tap: 'tap', kernelOvs: 'kernel OVS' };
  return (['netns', 'veth', 'tap', 'kernelOvs'] as const).map((key) => {
    const { works, why } = found[key];
    if (works) return { what: names[key], state: 'fits', why };
    return { what: names[key], state: key === 'kernelOvs' ? 'slow' : 'unfit', why, mend: mends[key] };
  });
}

function checkMemory(): Finding {
  const free = `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`;
  const why = `${free}, ${availableParallelism()} processors`;
  return freemem() >= MEMORY_NEEDED
    ? { what: 'memory', state: 'fits', why }
    : { what: 'memory', state: 'slow', why, mend: 'free 2 GiB, or launch m1.nano only' };
}

async function checkDisk(dataPath: string): Promise<Finding> {
  const tooLong = explainTooLong(dataPath);
  if (tooLong !== undefined)
    return { what: 'disk', state: 'unfit', why: `${dataPath}: ${tooLong}`, mend: 'choose a shorter --data' };
  const { bavail, bsize } = await statfs(existingParent(dataPath));
  const why = `${((bavail * bsize) / GIB).toFixed(1)} GiB free for ${dataPath}`;
  return bavail * bsize >= DISK_NEEDED
    ? { what: 'disk', state: 'fits', why }
    : { what: 'disk', state: 'unfit', why, mend: 'free 5 GiB, or choose another place with --data' };
}

function existingParent(path: string): string {
  for (let at = path; ; at = dirname(at))
    if (at === '/' || statSync(at, { throwIfNoEntry: false })) return at;
}

async function checkPort(dataPath: string, listen: string): Promise<Finding> {
  const owner = findDataDirectory(dataPath)?.findOwner();
  if (owner?.listen === listen) return { what: 'port', state: 'fits', why: `${listen} serves this cloud` };
  try {
    await settlePort(listen);
    return { what: 'port', state: 'fits', why: `${listen} is free` };
  } catch (error) {
    if (!(error instanceof ListenImpossible)) throw error;
    const why = `${listen}: ${error.why}`;
    return { what: 'port', state: 'unfit', why, mend: 'choose another with --listen' };
  }
}

/** Tokens and certificates go by the clock: one that is before this program was installed is surely wrong. */
function checkClock(): Finding {
  const program = statSync(new URL(import.meta.url)).mtimeMs;
  const now = new Date().toISOString();
  return Date.now() >= program - 60_000
    ? { what: 'clock', state: 'fits', why: now }
    : {
        what: 'clock',
        state: 'unfit',
        why: `${now} is before Pileus was installed`,
        mend: 'set it, for instance with chrony',
      };
}
