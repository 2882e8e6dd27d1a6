// A libvirtd of our own beside any the machine runs: own mount, pid and host-name namespace, own
// directories, one unix socket. This file only says how to start it; a supervisor (or a test) does.
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export interface PrivateLibvirtdOptions {
  /** Absolute, and short: sockets below it must fit into 107 bytes. */
  readonly dir: string;
  readonly hostname: string;
  /** Distinct for every libvirtd, or two of them refuse to migrate to each other. */
  readonly hostUuid: string;
  /** Network namespace the host's guests live in. */
  readonly netns?: string;
  /** Where this host's ovsdb-server has its db.sock, for interfaces libvirt plugs into Open vSwitch itself. */
  readonly ovsRundir?: string;
  /**
   * Where libvirt keeps what it learned by probing QEMU. Hosts on one machine can share it: the first start
   * probes for seconds, later ones read. Default: below `dir`.
   */
  readonly capabilitiesDir?: string;
  /** For measurements; the defaults are what they found best. */
  readonly tuning?: LibvirtdTuning;
}

export interface LibvirtdTuning {
  /** RLIMIT_NOFILE of libvirtd and its children. */
  readonly openFiles?: number;
  /** Lets libvirt read every property of a guest's CPU at each start, one by one. */
  readonly readCpuProperties?: boolean;
}

export interface PrivateLibvirtd {
  readonly command: string;
  readonly args: readonly string[];
  readonly socketPath: string;
  readonly logPath: string;
  /** Makes directories and configuration files; call before each start. */
  prepare(): Promise<void>;
}

/**
 * More files than a small libvirtd needs, few enough to be quick: before each exec the child of libvirtd
 * walks all descriptors up to the limit, and the limit may be a million.
 */
const OPEN_FILES = 1024;
const SOCKET_PATH_MAX = 107;

/** Positional arguments only: nothing of a caller is ever part of the script's text. */
const ENTER_NAMESPACE = `set -e
dir=$1 capabilities=$2
hostname "$3"
mkdir -p /run/libvirt
mount --bind "$dir/etc" /etc/libvirt
mount --bind "$dir/lib" /var/lib/libvirt
mount --bind "$dir/cache" /var/cache/libvirt
mount --bind "$capabilities" /var/cache/libvirt/qemu/capabilities
mount --bind "$dir/log" /var/log/libvirt
mount --bind "$dir/run" /run/libvirt
shift 3
exec "$@"`;

/**
 * The command lives as long as its parent: the kernel kills `unshare` when the parent's thread ends, and that
 * kills the pid namespace with libvirtd and every QEMU in it. To stop it send SIGKILL to the command
 * (`unshare` ignores SIGTERM); destroy guests first if they should end well. tini reaps: libvirt waits for
 * zombies, which a PID 1 that is no init leaves for seconds.
 */
export function privateLibvirtd(options: PrivateLibvirtdOptions): PrivateLibvirtd {
  const { dir } = options;
  const socketPath = path.join(dir, 'sock', 'libvirt-sock');
  if (!path.isAbsolute(dir)) throw new Error(`directory of libvirtd must be absolute: ${dir}`);
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_MAX)
    throw new Error(`directory of libvirtd is too long: ${dir}`);
  const capabilities = options.capabilitiesDir ?? path.join(dir, 'cache', 'qemu', 'capabilities');
  return {
    command: 'setpriv',
    args: [
      ['--pdeathsig', 'KILL', '--'],
      ['unshare', '--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ['--propagation', 'private'],
      ['bash', '-c', ENTER_NAMESPACE, 'private-libvirtd', dir, capabilities, options.hostname],
      daemonCommand(options),
    ].flat(),
    socketPath,
    logPath: path.join(dir, 'log', 'libvirtd.log'),
    prepare: () => prepare(options, capabilities),
  };
}

function daemonCommand(options: PrivateLibvirtdOptions): string[] {
  const { dir } = options;
  const openFiles = options.tuning?.openFiles ?? OPEN_FILES;
  return [
    ['env'],
    options.ovsRundir === undefined ? [] : [`OVS_RUNDIR=${options.ovsRundir}`],
    options.netns === undefined ? [] : ['ip', 'netns', 'exec', options.netns],
    ['prlimit', `--nofile=${openFiles}:${openFiles}`],
    ['tini', '-s', '--'],
    ['libvirtd', '-f', path.join(dir, 'etc', 'libvirtd.conf'), '-p', path.join(dir, 'libvirtd.pid')],
  ].flat();
}

async function prepare(options: PrivateLibvirtdOptions, capabilities: string): Promise<void> {
  const { dir } = options;
  // Access to the socket is root on this host: nobody else may even look into the directory.
  await mkdir(dir, { recursive: true });
  await chmod(dir, 0o700);
  // Guests die with the daemon's namespace: what it noted of those that ran would make the next one look for them.
  await rm(path.join(dir, 'run'), { recursive: true, force: true });
  for (const name of ['etc', 'lib', 'cache/qemu/capabilities', 'log', 'run', 'sock']) {
    await mkdir(path.join(dir, name), { recursive: true, mode: 0o700 });
  }
  await mkdir(capabilities, { recursive: true, mode: 0o700 });
  await writeFile(path.join(dir, 'etc', 'libvirtd.conf'), daemonConfig(options), { mode: 0o600 });
  await writeFile(path.join(dir, 'etc', 'qemu.conf'), qemuConfig(options), { mode: 0o600 });
}

/** libvirt's configuration takes C-like strings without escapes. */
function quoted(value: string): string {
  if (/["\n\\]/.test(value))
    throw new Error(`not possible in libvirt's configuration: ${JSON.stringify(value)}`);
  return `"${value}"`;
}

function daemonConfig({ dir, hostUuid }: PrivateLibvirtdOptions): string {
  return [
    `unix_sock_dir = ${quoted(path.join(dir, 'sock'))}`,
    'unix_sock_ro_perms = "0700"',
    'unix_sock_rw_perms = "0700"',
    'auth_unix_ro = "none"',
    'auth_unix_rw = "none"',
    `host_uuid = ${quoted(hostUuid)}`,
    // One client does all the work: the default of 5 requests would let slow starts hold up quick questions.
    'max_client_requests = 64',
    'max_workers = 64',
    `log_outputs = ${quoted(`2:file:${path.join(dir, 'log', 'libvirtd.log')}`)}`,
    '',
  ].join('\n');
}

/**
 * No relabelling, no device namespace, no cgroups: everything runs as one user in one private place.
 *
 * Without the filtered capability libvirt reads a guest's CPU as a few CPUID words instead of 400 properties with
 * a round trip each, which is three quarters of a start (docs/libvirt-half-second.md). Features kept in MSRs are
 * then not seen, which matters to guests with cpuMode `host-model` only. libvirt means the filter for development
 * and marks guests as tainted by it: right for the private daemon of one machine, not for a production host's.
 */
function qemuConfig(options: PrivateLibvirtdOptions): string {
  return [
    'user = "root"',
    'group = "root"',
    'dynamic_ownership = 0',
    'remember_owner = 0',
    'security_driver = "none"',
    'namespaces = []',
    'cgroup_controllers = []',
    'stdio_handler = "file"',
    ...(options.tuning?.readCpuProperties === true
      ? []
      : ['capability_filters = ["cpu-unavailable-features"]']),
    '',
  ].join('\n');
}
