/**
 * Debian packages that a cloud needs: which, what for, and how the missing ones are installed without starting
 * any of their system services. Called by the bring-up, by `test` and by doctor.
 */
import {
  accessSync,
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { runCommand } from '#platform/supervise/run-command.ts';
import { MachineUnfit } from './errors.ts';
import type { StepControl } from './run-plan.ts';

export type PackageNeed = {
  package: string;
  why: string;
  /** It is there when one of these files is; asked anew each time where their names bear versions. */
  files: readonly string[] | (() => readonly string[]);
};

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'];

export const NETWORK_PACKAGES: readonly PackageNeed[] = [
  {
    package: 'iproute2',
    why: 'makes network namespaces and interfaces',
    files: ['/usr/sbin/ip', '/sbin/ip'],
  },
  {
    package: 'ethtool',
    why: 'turns checksum offload off where Open vSwitch needs it',
    files: ['/usr/sbin/ethtool'],
  },
  { package: 'openvswitch-switch', why: 'switches the packets of guests', files: ['/usr/sbin/ovs-vswitchd'] },
  { package: 'ovn-central', why: 'turns logical networks into flows', files: ['/usr/bin/ovn-northd'] },
  { package: 'ovn-host', why: 'programs the switch of each host', files: ['/usr/bin/ovn-controller'] },
];

export const HYPERVISOR_PACKAGES: readonly PackageNeed[] = [
  { package: 'qemu-system-x86', why: 'runs guests', files: ['/usr/bin/qemu-system-x86_64'] },
  { package: 'qemu-utils', why: 'makes and inspects disk images', files: ['/usr/bin/qemu-img'] },
  { package: 'qemu-system-common', why: 'serves volumes', files: ['/usr/bin/qemu-storage-daemon'] },
  { package: 'libvirt-daemon', why: 'keeps guests', files: ['/usr/sbin/libvirtd'] },
  { package: 'libvirt-daemon-system', why: 'settings of libvirt', files: ['/etc/libvirt/libvirtd.conf'] },
  {
    package: 'libvirt-daemon-driver-qemu',
    why: 'lets libvirt run QEMU',
    files: LIBRARIES.map((dir) => `${dir}/libvirt/connection-driver/libvirt_driver_qemu.so`),
  },
  { package: 'tini', why: 'ends what libvirt leaves behind', files: ['/usr/bin/tini'] },
];

/** With `--storage ceph`: a cluster of the cloud's own, and the means to use any. */
export const CEPH_PACKAGES: readonly PackageNeed[] = [
  { package: 'ceph-common', why: 'speaks to Ceph clusters', files: ['/usr/bin/rbd'] },
  {
    package: 'qemu-block-extra',
    why: 'lets QEMU read disks in Ceph',
    files: LIBRARIES.map((dir) => `${dir}/qemu/block-rbd.so`),
  },
];

export const CEPH_CLUSTER_PACKAGES: readonly PackageNeed[] = [
  { package: 'ceph-mon', why: 'keeps the map of the storage cluster', files: ['/usr/bin/ceph-mon'] },
  { package: 'ceph-osd', why: 'keeps the data of the storage cluster', files: ['/usr/bin/ceph-osd'] },
  { package: 'ceph-mgr', why: 'counts what the storage cluster holds', files: ['/usr/bin/ceph-mgr'] },
];

/** What the image `pileus-demo` is built from. */
export const DEMO_IMAGE_PACKAGES: readonly PackageNeed[] = [
  {
    package: 'linux-image-cloud-amd64',
    why: 'is the kernel of the demo image',
    files: findCloudKernels,
  },
  {
    package: 'busybox-static',
    why: 'is the user land of the demo image',
    files: ['/bin/busybox', '/usr/bin/busybox'],
  },
  { package: 'dropbear-bin', why: 'is the SSH server of the demo image', files: ['/usr/sbin/dropbear'] },
  { package: 'dhcpcd-base', why: 'gives the demo image DHCPv6', files: ['/usr/sbin/dhcpcd', '/sbin/dhcpcd'] },
  { package: 'syslinux', why: 'boots the demo image', files: ['/usr/bin/syslinux'] },
  { package: 'syslinux-common', why: 'boots the demo image', files: ['/usr/lib/syslinux/mbr/mbr.bin'] },
  { package: 'mtools', why: 'writes the boot partition without mounting', files: ['/usr/bin/mcopy'] },
  { package: 'e2fsprogs', why: 'makes the root file system', files: ['/usr/sbin/mke2fs', '/sbin/mke2fs'] },
  { package: 'lz4', why: 'packs the initial RAM disk', files: ['/usr/bin/lz4'] },
];

/** The kernel's file bears its version. */
function findCloudKernels(): string[] {
  try {
    return readdirSync('/boot')
      .filter((name) => /^vmlinuz-.*-cloud-/.test(name))
      .map((name) => `/boot/${name}`);
  } catch {
    return [];
  }
}

export const TEST_PACKAGES: readonly PackageNeed[] = [
  {
    package: 'busybox-static',
    why: 'is the DHCP client and shell of test guests',
    files: ['/bin/busybox', '/usr/bin/busybox'],
  },
  { package: 'genisoimage', why: 'reads config drives back', files: ['/usr/bin/isoinfo'] },
  { package: 'xorriso', why: 'reads config drives back', files: ['/usr/bin/xorriso'] },
  { package: 'iputils-ping', why: 'shows that addresses answer', files: ['/usr/bin/ping', '/bin/ping'] },
  { package: 'chromium', why: 'opens the console pages', files: ['/usr/bin/chromium'] },
  { package: 'openssh-client', why: 'logs in to test guests', files: ['/usr/bin/ssh'] },
  { package: 'python3-openstackclient', why: 'is the unmodified client', files: ['/usr/bin/openstack'] },
  {
    package: 'python3-osc-placement',
    why: 'is its placement part',
    files: ['/usr/lib/python3/dist-packages/osc_placement/plugin.py'],
  },
];

/** What `pileus test interop` needs beside the cloud's own packages. */
export const INTEROP_PACKAGES: readonly PackageNeed[] = [
  {
    package: 'tempest',
    why: "holds the interop guideline's tests",
    files: ['/usr/lib/python3/dist-packages/tempest/test_discover/test_discover.py'],
  },
  { package: 'python3-stestr', why: 'runs them', files: ['/usr/bin/stestr'] },
];

export function findMissing(needs: readonly PackageNeed[]): PackageNeed[] {
  return needs.filter(({ files }) => {
    const possible = typeof files === 'function' ? files() : files;
    return !possible.some((file) => existsSync(file));
  });
}

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_MARK = '# temporary, by pileus: packages it installs start no system service';

/**
 * Debian's way to say that installing must start nothing. A policy that the machine has already is left as it is,
 * unless it is one of ours that a killed installation left.
 */
function forbidServices(): () => void {
  if (existsSync(POLICY) && !readFileSync(POLICY, 'utf8').includes(POLICY_MARK)) return () => undefined;
  writeFileSync(POLICY, `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`, { mode: 0o755 });
  return () => rmSync(POLICY, { force: true });
}

/**
 * Installs what is missing; says what and why first. `log` is a file that gets all that apt prints. An abort is obeyed
 * between apt's runs only: dpkg killed in the middle would leave packages that a person must mend.
 */
export async function installMissing(
  needs: readonly PackageNeed[],
  { say, at, signal }: StepControl,
  log?: string,
): Promise<void> {
  const missing = findMissing(needs);
  if (missing.length === 0) return;
  const names = missing.map((need) => need.package);
  checkCanInstall(names);
  for (const need of missing) say(`installing ${need.package}: ${need.why}`);
  const follow = followApt(say, at);
  const run = (...argv: string[]): Promise<unknown> =>
    runCommand(argv, {
      deadlineMs: 15 * 60_000,
      env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'a', LC_ALL: 'C.UTF-8', LANGUAGE: '' },
      onLine: (line) => {
        if (log) appendFileSync(log, `${line}\n`);
        follow(line);
      },
    });
  const apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300'];
  at('fetching the lists of packages');
  await run(...apt, 'update');
  signal.throwIfAborted();
  const allow = forbidServices();
  const onAbort = (): void => say('to end when apt is done: it must not be left in the middle');
  signal.addEventListener('abort', onAbort);
  try {
    if (wasInterrupted()) await run('dpkg', '--configure', '-a');
    await run(...apt, 'install', '-y', '--no-install-recommends', ...names);
  } finally {
    signal.removeEventListener('abort', onAbort);
    allow();
  }
  signal.throwIfAborted();
  const still = findMissing(missing).map((need) => need.package);
  if (still.length === 0) return;
  const mend = log ? `What apt said is in ${log}` : `Try: apt-get install --reinstall ${still.join(' ')}`;
  throw new MachineUnfit(`${still.join(', ')} did not bring what is needed`, mend);
}

/** dpkg keeps its journal there; apt refuses to work while one of a killed dpkg is left. */
function wasInterrupted(): boolean {
  return readdirSync('/var/lib/dpkg/updates').some((name) => /^\d+$/.test(name));
}

/** Makes of apt's many lines what a person wants to know: how much there is, and how far it is. */
export function followApt(say: StepControl['say'], at: StepControl['at']): (line: string) => void {
  const done = new Map<string, number>();
  let total = 0;
  let toFetch = 0;
  const count = (what: string, of: number, name: string): void => {
    const number = (done.get(what) ?? 0) + 1;
    done.set(what, number);
    if (number <= of) at(`${what} ${number} of ${of}: ${name}`);
  };
  return (line) => {
    const planned = /^(\d+) upgraded, (\d+) newly installed/.exec(line);
    if (planned) total = Number(planned[1]) + Number(planned[2]);
    const size = /^Need to get (?:(\S+ [kMG]?B)\/)?(\S+ [kMG]?B) of archives/.exec(line);
    if (size) {
      toFetch = total;
      say(`${total} packages with all they depend on; ${size[1] ?? size[2]} to download`);
    }
    const space = /^After this operation, (\S+ [kMG]?B) of additional disk space/.exec(line);
    if (space) say(`they take ${space[1]} of disk`);
    const got = /^Get:\d+ \S+ \S+ \S+ (\S+)/.exec(line);
    if (got && toFetch > 0) return count('downloading', toFetch, got[1]!);
    const [, verb, name = ''] = /^(Unpacking|Setting up) (\S+)/.exec(line) ?? [];
    if (verb) count(verb.toLowerCase(), total, name.replace(/:\w+$/, ''));
  };
}

function checkCanInstall(names: readonly string[]): void {
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  try {
    accessSync('/usr/bin/apt-get');
  } catch {
    throw new MachineUnfit(
      `${names.join(', ')} missing, and this machine has no apt-get`,
      'Pileus knows Debian 12; install the same programs by your own means',
    );
  }
  if (process.getuid?.() !== 0) throw new MachineUnfit(`${names.join(', ')} missing`, `As root: ${command}`);
}
