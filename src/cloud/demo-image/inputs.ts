// Finds what the demo image is made of on this machine (kernel, modules, programs and their libraries, guest scripts)
// and names the whole by one content hash. Called by build.ts.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';

import { DemoImageError } from './errors.ts';
import { runTool } from './run-tool.ts';

/** A file of the guest and where its content comes from. */
export type GuestFile = { readonly guestPath: string; readonly hostPath: string };

export type DemoImageInputs = {
  readonly kernelVersion: string;
  readonly kernel: string;
  readonly busybox: string;
  /** Programs beside busybox and every shared library they need. */
  readonly programs: readonly GuestFile[];
  /** Paths relative to the kernel's module directory, dependencies first. */
  readonly modules: {
    readonly virtio: readonly string[];
    readonly other: readonly string[];
    readonly root: readonly string[];
  };
  readonly moduleDirectory: string;
  /** The guest's own files: `rootfs/` and `initramfs/` of this folder. */
  readonly scripts: readonly GuestFile[];
  readonly initramfsScript: string;
  readonly hasDhcpv6: boolean;
  readonly contentHash: string;
};

const here = import.meta.dirname;

/** In the initramfs, always loaded: what finds a virtio root disk. */
const virtioModules = ['virtio_pci', 'virtio_blk'];
/** In the initramfs, loaded when no virtio disk is there (hw_disk_bus scsi, ide or sata). */
const otherDiskModules = ['virtio_scsi', 'ata_piix', 'ahci', 'sd_mod'];
/** On the root disk: network, entropy, power button, config drives, and what a person may try in a demo. */
const rootModules = [
  'virtio_net',
  'virtio-rng',
  'button',
  'evdev',
  'isofs',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_iso8859-1',
  'sr_mod',
  'ata_piix',
  'virtio_scsi',
  'sd_mod',
  'e1000',
  '8139cp',
  'virtio_console',
  'virtio_balloon',
  'qemu_fw_cfg',
  'loop',
  'overlay',
  '8021q',
];

const programSources = [
  { guestPath: 'usr/sbin/dropbear', hostPath: '/usr/sbin/dropbear', debianPackage: 'dropbear-bin' },
  { guestPath: 'usr/bin/dropbearkey', hostPath: '/usr/bin/dropbearkey', debianPackage: 'dropbear-bin' },
  { guestPath: 'usr/sbin/resize2fs', hostPath: '/usr/sbin/resize2fs', debianPackage: 'e2fsprogs' },
  // For volumes: which there are, and a file system on one.
  { guestPath: 'usr/bin/lsblk', hostPath: '/usr/bin/lsblk', debianPackage: 'util-linux' },
  { guestPath: 'usr/sbin/blkid', hostPath: '/usr/sbin/blkid', debianPackage: 'util-linux' },
  { guestPath: 'usr/sbin/mke2fs', hostPath: '/usr/sbin/mke2fs', debianPackage: 'e2fsprogs' },
];

/** busybox has no DHCPv6 client in Debian; without this one the guest has SLAAC addresses only. */
const dhcpv6Program = { guestPath: 'usr/sbin/dhcpcd', hostPath: '/usr/sbin/dhcpcd' };

/** Throws DemoImageError `input-missing`, naming the Debian package to install. */
export async function findInputs(signal: AbortSignal | undefined): Promise<DemoImageInputs> {
  const { version, kernel, moduleDirectory } = await findKernel();
  const busybox = needFile('/usr/bin/busybox', 'busybox-static');
  const hasDhcpv6 = existsSync(dhcpv6Program.hostPath);
  const programs: GuestFile[] = programSources.map((program) => ({
    guestPath: program.guestPath,
    hostPath: needFile(program.hostPath, program.debianPackage),
  }));
  if (hasDhcpv6) programs.push(dhcpv6Program);
  programs.push(...(await findLibraries(programs, signal)));
  const scripts = await listScripts(path.join(here, 'rootfs'));
  const initramfsScript = path.join(here, 'initramfs', 'init');
  const modules = await resolveModules(moduleDirectory);
  const hashed = [kernel, busybox, initramfsScript, ...programs.map((file) => file.hostPath)];
  hashed.push(...scripts.map((file) => file.hostPath));
  for (const list of Object.values(modules))
    hashed.push(...list.map((file) => path.join(moduleDirectory, file)));
  for (const source of await readdir(here)) {
    if (source.endsWith('.ts') && !source.endsWith('.test.ts')) hashed.push(path.join(here, source));
  }
  const contentHash = await hashFiles(hashed);
  return {
    kernelVersion: version,
    kernel,
    busybox,
    programs,
    modules,
    moduleDirectory,
    scripts,
    initramfsScript,
    hasDhcpv6,
    contentHash,
  };
}

function needFile(file: string, debianPackage: string): string {
  if (existsSync(file)) return file;
  throw new DemoImageError(
    'input-missing',
    `${file} is not there: install the Debian package ${debianPackage}`,
  );
}

async function findKernel(): Promise<{ version: string; kernel: string; moduleDirectory: string }> {
  const names = existsSync('/boot') ? await readdir('/boot') : [];
  const versions = names
    .filter((name) => name.startsWith('vmlinuz-') && name.includes('-cloud-'))
    .map((name) => name.slice('vmlinuz-'.length))
    .filter((version) => existsSync(path.join('/lib/modules', version, 'modules.dep')))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const version = versions.at(-1);
  if (version === undefined) {
    throw new DemoImageError(
      'input-missing',
      'no cloud kernel in /boot: install the Debian package linux-image-cloud-amd64',
    );
  }
  return {
    version,
    kernel: path.join('/boot', `vmlinuz-${version}`),
    moduleDirectory: path.join('/lib/modules', version),
  };
}

/** Libraries by the loader's own answer, at the paths where the loader of the guest looks for them. */
async function findLibraries(
  programs: readonly GuestFile[],
  signal: AbortSignal | undefined,
): Promise<GuestFile[]> {
  const found = new Map<string, GuestFile>();
  const listing = await runTool(
    'ldd',
    programs.map((program) => program.hostPath),
    { signal },
  );
  for (const match of listing.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)) {
    const library = match[1];
    if (library === undefined) continue;
    found.set(library, { guestPath: library.slice(1), hostPath: await realpath(library) });
  }
  return [...found.values()];
}

async function listScripts(root: string): Promise<GuestFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted()
    .map((hostPath) => ({ guestPath: path.relative(root, hostPath), hostPath }));
}

async function resolveModules(moduleDirectory: string): Promise<DemoImageInputs['modules']> {
  const dependencies = new Map<string, readonly string[]>();
  const byName = new Map<string, string>();
  for (const line of (await readFile(path.join(moduleDirectory, 'modules.dep'), 'utf8')).split('\n')) {
    const [file, needed] = line.split(':');
    if (file === undefined || needed === undefined) continue;
    dependencies.set(file, needed.trim() === '' ? [] : needed.trim().split(' '));
    byName.set(path.basename(file).replace(/\.ko.*$/, ''), file);
  }
  const resolve = (names: readonly string[]): string[] => {
    const ordered = new Set<string>();
    const add = (file: string): void => {
      // modules.dep lists the nearest dependency first; recursion puts each module after what it needs.
      for (const needed of dependencies.get(file) ?? []) if (!ordered.has(needed)) add(needed);
      ordered.add(file);
    };
    for (const name of names) {
      const file = byName.get(name);
      // Absent means built in or not in this kernel (ahci in the cloud flavour): the guest does without.
      if (file !== undefined) add(file);
    }
    return [...ordered];
  };
  return { virtio: resolve(virtioModules), other: resolve(otherDiskModules), root: resolve(rootModules) };
}

async function hashFiles(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files.toSorted()) {
    const content = await readFile(file);
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}
