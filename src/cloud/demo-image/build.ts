// Builds the guest image `pileus-demo` from packages installed on this machine: no network, no root, no mounts.
// Called when a cloud is brought up; the result is kept under a content hash, so that later calls only look it up.

import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, open, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';

import { writeCpio, type CpioEntry } from './cpio.ts';
import { findInputs, type DemoImageInputs } from './inputs.ts';
import { bootDisk } from './boot-disk.ts';
import { runTool } from './run-tool.ts';

export type DemoImageOptions = {
  /** For files that are needed only while building; made when absent. */
  readonly workDir: string;
  /** Keeps the images, one directory a content hash. */
  readonly outDir: string;
  readonly signal?: AbortSignal | undefined;
  readonly report?: (step: string, detail: string) => void;
};

export type DemoImage = {
  /** qcow2 that boots by itself: MBR, syslinux, kernel, ext4 root. */
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  /** qcow2 of the bare root filesystem, for an image with kernel_id and ramdisk_id. */
  readonly rootDisk: string;
  /** Kernel command line of a direct boot (image property os_command_line). */
  readonly kernelArgs: string;
  readonly sha256s: {
    readonly disk: string;
    readonly kernel: string;
    readonly initrd: string;
    readonly rootDisk: string;
  };
  readonly kernelVersion: string;
  /** False when dhcpcd was not on this machine: the guest then has SLAAC but no DHCPv6. */
  readonly hasDhcpv6: boolean;
  /** Seconds that the build took when it was made. */
  readonly buildSeconds: number;
  readonly contentHash: string;
};

type Manifest = Omit<DemoImage, 'disk' | 'kernel' | 'initrd' | 'rootDisk'>;

const fileNames = {
  disk: 'pileus-demo.qcow2',
  kernel: 'pileus-demo-vmlinuz',
  initrd: 'pileus-demo-initrd',
  rootDisk: 'pileus-demo-root.qcow2',
} as const;

/**
 * What makes an emulated CPU boot sooner: no self-tests, no timer or TSC calibration, no address randomisation, no
 * side-channel mitigations in a guest of one user.
 */
export const kernelArgs =
  'console=tty0 console=ttyS0,115200 quiet mitigations=off tsc=reliable no_timer_check cryptomgr.notests ' +
  'random.trust_cpu=on nokaslr rcupdate.rcu_expedited=1 audit=0';

/** Room for the guest's own files before the disk is grown to the flavor's size. */
const rootMebibytes = 44;

/** Throws DemoImageError when a package is missing or a tool fails, AbortError when the signal is aborted. */
export async function buildDemoImage(options: DemoImageOptions): Promise<DemoImage> {
  const started = performance.now();
  const report = options.report ?? (() => undefined);
  const inputs = await findInputs(options.signal);
  const target = path.join(options.outDir, inputs.contentHash.slice(0, 16));
  const kept = await readKept(target);
  if (kept !== undefined) {
    report('cached', target);
    return kept;
  }
  const work = path.join(options.workDir, `demo-image-${randomUUID()}`);
  const staged = path.join(options.outDir, `.staged-${randomUUID()}`);
  await mkdir(work, { recursive: true });
  await mkdir(staged, { recursive: true });
  try {
    await buildInto(staged, work, inputs, options.signal, report);
    const manifest: Manifest = {
      kernelArgs,
      sha256s: {
        disk: await sha256(path.join(staged, fileNames.disk)),
        kernel: await sha256(path.join(staged, fileNames.kernel)),
        initrd: await sha256(path.join(staged, fileNames.initrd)),
        rootDisk: await sha256(path.join(staged, fileNames.rootDisk)),
      },
      kernelVersion: inputs.kernelVersion,
      hasDhcpv6: inputs.hasDhcpv6,
      buildSeconds: Math.round(performance.now() - started) / 1000,
      contentHash: inputs.contentHash,
    };
    await writeFile(path.join(staged, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    // Another process may have built the same meanwhile: its result is as good, ours is dropped.
    await rename(staged, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    report('done', `${manifest.buildSeconds} s`);
    return describe(target, manifest);
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(staged, { recursive: true, force: true });
  }
}

async function readKept(target: string): Promise<DemoImage | undefined> {
  const file = path.join(target, 'manifest.json');
  if (!existsSync(file)) return undefined;
  return describe(target, JSON.parse(await readFile(file, 'utf8')) as Manifest);
}

function describe(directory: string, manifest: Manifest): DemoImage {
  return {
    disk: path.join(directory, fileNames.disk),
    kernel: path.join(directory, fileNames.kernel),
    initrd: path.join(directory, fileNames.initrd),
    rootDisk: path.join(directory, fileNames.rootDisk),
    ...manifest,
  };
}

async function buildInto(
  staged: string,
  work: string,
  inputs: DemoImageInputs,
  signal: AbortSignal | undefined,
  report: (step: string, detail: string) => void,
): Promise<void> {
  const kernel = path.join(staged, fileNames.kernel);
  const initrd = path.join(staged, fileNames.initrd);
  report('kernel', inputs.kernelVersion);
  await copyFile(inputs.kernel, kernel);
  await chmod(kernel, 0o644);
  await makeInitrd(initrd, work, inputs, signal);
  report('root', `${inputs.scripts.length} scripts, ${inputs.programs.length} programs and libraries`);
  const tree = path.join(work, 'root');
  await makeTree(tree, inputs, signal);
  const rootRaw = path.join(work, 'root.ext4');
  await makeRootFilesystem(rootRaw, tree, signal);
  report('disk', 'syslinux and partitions');
  const diskRaw = path.join(work, 'disk.raw');
  await bootDisk({ target: diskRaw, work, kernel, initrd, root: rootRaw, kernelArgs, signal });
  report('compress', fileNames.disk);
  await Promise.all([
    compress(diskRaw, path.join(staged, fileNames.disk), signal),
    compress(rootRaw, path.join(staged, fileNames.rootDisk), signal),
  ]);
}

function compress(from: string, to: string, signal: AbortSignal | undefined): Promise<string> {
  return runTool(
    'qemu-img',
    ['convert', '-c', '-m', '4', '-W', '-f', 'raw', '-O', 'qcow2', '-o', 'compression_type=zstd', from, to],
    { signal },
  );
}

/**
 * lz4 in the legacy frame, the only one that the kernel reads: unpacked 0.15 s sooner than gzip by an emulated CPU, for
 * 0.3 MB more. No compression at all is as quick to unpack, but the disk's boot loader reads each byte slowly.
 */
async function makeInitrd(
  target: string,
  work: string,
  inputs: DemoImageInputs,
  signal: AbortSignal | undefined,
): Promise<void> {
  const entries: CpioEntry[] = [];
  for (const directory of ['bin', 'dev', 'proc', 'sys', 'root', 'modules']) {
    entries.push({ path: directory, kind: 'directory', mode: 0o755 });
  }
  // Before devtmpfs is mounted the kernel opens this one for the first program.
  entries.push({ path: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 });
  entries.push({ path: 'bin/busybox', kind: 'file', mode: 0o755, content: await readFile(inputs.busybox) });
  entries.push({ path: 'init', kind: 'file', mode: 0o755, content: await readFile(inputs.initramfsScript) });
  const present = new Set<string>();
  for (const list of ['virtio', 'other'] as const) {
    const names = inputs.modules[list].map((file) => path.basename(file));
    const content = Buffer.from(names.map((name) => `${name}\n`).join(''));
    entries.push({ path: `modules/${list}.list`, kind: 'file', mode: 0o644, content });
    for (const file of inputs.modules[list]) {
      const name = path.basename(file);
      if (present.has(name)) continue;
      present.add(name);
      const module = await readFile(path.join(inputs.moduleDirectory, file));
      entries.push({ path: `modules/${name}`, kind: 'file', mode: 0o644, content: module });
    }
  }
  const archive = path.join(work, 'initrd.cpio');
  await writeFile(archive, writeCpio(entries));
  await runTool('lz4', ['-l', '-9', '-q', '-f', archive, target], { signal });
}

/** The root filesystem as a directory; owners are set when it becomes a filesystem. */
async function makeTree(
  tree: string,
  inputs: DemoImageInputs,
  signal: AbortSignal | undefined,
): Promise<void> {
  const moduleRoot = path.join('lib/modules', inputs.kernelVersion);
  const directories = [
    'bin',
    'dev',
    'etc/acpi',
    'home',
    'lib64',
    'mnt',
    'proc',
    'root',
    'run',
    'sbin',
    'sys',
    'tmp',
    'usr/bin',
    'usr/sbin',
    'var/lib/pileus',
    'var/log',
    moduleRoot,
  ];
  for (const directory of directories) await mkdir(path.join(tree, directory), { recursive: true });
  for (const file of [...inputs.programs, ...inputs.scripts]) {
    await place(file.hostPath, path.join(tree, file.guestPath));
  }
  for (const file of inputs.modules.root.concat(inputs.modules.virtio)) {
    await place(path.join(inputs.moduleDirectory, file), path.join(tree, moduleRoot, file));
  }
  const wanted = new Set([...inputs.modules.root, ...inputs.modules.virtio]);
  const dependencies = await readFile(path.join(inputs.moduleDirectory, 'modules.dep'), 'utf8');
  const kept = dependencies.split('\n').filter((line) => wanted.has(line.split(':')[0] ?? ''));
  await writeFile(path.join(tree, moduleRoot, 'modules.dep'), `${kept.join('\n')}\n`);
  await place(inputs.busybox, path.join(tree, 'bin/busybox'));
  // su needs it; busybox drops the right at once for every applet that does not.
  await chmod(path.join(tree, 'bin/busybox'), 0o4755);
  await chmod(path.join(tree, 'etc/shadow'), 0o600);
  await linkApplets(tree, await runTool(inputs.busybox, ['--list-full'], { signal }));
  await symlink('../run', path.join(tree, 'var/run')); // where programs look for their process files
  await symlink('/run/pileus/resolv.conf', path.join(tree, 'etc/resolv.conf'));
}

async function place(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, (await startsAsProgram(to)) ? 0o755 : 0o644);
}

/** Scripts and ELF programs run, whatever mode a checkout gave them. */
async function startsAsProgram(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return (
    buffer.toString('latin1', 0, 2) === '#!' ||
    (buffer.toString('latin1') === '\u007fELF' && !file.endsWith('.ko'))
  );
}

const PROGRAM_DIRECTORIES = ['bin', 'sbin', 'usr/bin', 'usr/sbin'];

/** Where a program of its own is, busybox's must not be found first: neither has the other's options. */
async function linkApplets(tree: string, listing: string): Promise<void> {
  for (const applet of listing.split('\n')) {
    if (applet === '' || applet === 'bin/busybox' || applet === 'usr/bin/busybox') continue;
    const name = path.basename(applet);
    const isThere = PROGRAM_DIRECTORIES.some((directory) => existsSync(path.join(tree, directory, name)));
    if (isThere) continue;
    const link = path.join(tree, applet);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink('/bin/busybox', link);
  }
  if (!existsSync(path.join(tree, 'sbin/init'))) await symlink('/bin/busybox', path.join(tree, 'sbin/init'));
}

async function makeRootFilesystem(
  target: string,
  tree: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await (await open(target, 'w')).close();
  // Tables are written now, so that no kernel thread does it in the guest.
  const extended = 'root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard';
  await runTool(
    'mke2fs',
    [
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      '4096',
      '-L',
      'pileus-root',
      '-m',
      '1',
      '-E',
      extended,
      '-d',
      tree,
      target,
      `${rootMebibytes}M`,
    ],
    { signal },
  );
  if (process.getuid?.() !== 0) await setOwners(target, tree, signal);
}

/** A builder without root owns the files it made: in the image they are root's. */
async function setOwners(image: string, tree: string, signal: AbortSignal | undefined): Promise<void> {
  const listing = await runTool('find', [tree, '-mindepth', '1', '-printf', '/%P\\n'], { signal });
  const commands = listing
    .split('\n')
    .filter((name) => name !== '')
    .flatMap((name) => [`sif "${name}" uid 0`, `sif "${name}" gid 0`]);
  const script = `${image}.owners`;
  await writeFile(script, `${commands.join('\n')}\n`);
  await runTool('debugfs', ['-w', '-f', script, image], { signal });
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
