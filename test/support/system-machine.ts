// A machine that runs an Open vSwitch, an OVN and a libvirt of its own, as Debian's packages start them: namespaces of network,
// mounts and processes, with a cable to the tests. Used by the tests of `--network system` and `--hypervisor`.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { childrenOf } from '#platform/supervise/process-table.ts';
import { runCommand, type CommandResult } from '#platform/supervise/run-command.ts';
import { until } from './until.ts';

const SETUP = fileURLToPath(new URL('./system-machine.sh', import.meta.url));
const PILEUS = fileURLToPath(new URL('../../pileus', import.meta.url));
const START_MS = 60_000;
/** What a thread of libvirtd has forked bears its name for the moment until it becomes a program. */
const FORKS_OF_LIBVIRTD = /^(daemon-init|(prio-)?rpc-|qemu-(event|state))/;

export interface SystemMachine extends AsyncDisposable {
  /** Its address on the cable to the tests. */
  readonly address: string;
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>;
  pileus(...args: string[]): Promise<CommandResult>;
  /** Everything a cloud could leave there: processes, devices, ports, logical rows, guests. One line each. */
  inventory(): Promise<string[]>;
  /** As the machine numbers it → as the tests do. */
  outerPid(pid: number): number;
}

interface RunOptions {
  readonly okCodes?: readonly number[];
  readonly deadlineMs?: number;
}

export async function startSystemMachine(hostname: string, systemId: string): Promise<SystemMachine> {
  const namespaces = [
    '--net',
    '--mount',
    '--uts',
    '--ipc',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const child = spawn(
    'setpriv',
    [
      ['--pdeathsig', 'KILL', '--', 'unshare', ...namespaces, '--propagation', 'private', '--'],
      ['tini', '-s', '--', 'bash', '-c', 'bash "$@" && echo ready && exec sleep infinity', '-', SETUP],
      [hostname, systemId, '/var/cache/pileus/qemu-capabilities'],
    ].flat(),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`the machine did not start: ${said}`);
      return Promise.resolve(/^ready$/m.test(said));
    },
    { deadlineMs: START_MS, what: 'the machine to be ready' },
  );
  const [init] = childrenOf(child.pid!);
  const address = await layCable(init!);
  const run = async (argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> =>
    runCommand(['nsenter', '-t', String(init), '-n', '-m', '-u', '-i', '-p', '--', ...argv], options);
  return {
    address,
    run,
    pileus: async (...args) => run([PILEUS, ...args], { deadlineMs: START_MS, okCodes: [0, 1] }),
    inventory: async () =>
      [
        ...processesOf(init!)
          .filter(([, name]) => !FORKS_OF_LIBVIRTD.test(name))
          .map(([, name]) => `process ${name}`),
        ...(await things(run)),
      ].toSorted(),
    outerPid: (pid) => processesOf(init!).find(([numbers]) => numbers.at(-1) === pid)?.[0][0] ?? 0,
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await until(() => Promise.resolve(processesOf(init!).length === 0), {
        deadlineMs: 10_000,
        what: 'the machine to end',
      });
    },
  };
}

/** Addresses set aside for tests between networks; each machine takes four of them. It ends with the namespace. */
async function layCable(init: number): Promise<string> {
  const block = (init * 4) % 65_536;
  const address = (host: number): string => `198.18.${block >> 8}.${(block & 255) + host}`;
  const lines = [
    `link add plm${init} type veth peer name up0 netns ${init}`,
    `addr add ${address(1)}/30 dev plm${init}`,
    `link set plm${init} up`,
  ];
  await runCommand(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  const inside = ['nsenter', '-t', String(init), '-n', 'ip'];
  await runCommand([...inside, 'addr', 'add', `${address(2)}/30`, 'dev', 'up0']);
  await runCommand([...inside, 'link', 'set', 'up0', 'up']);
  return address(2);
}

/** Numbers of each process, outermost first, and its name. */
function processesOf(init: number): Array<[number[], string]> {
  const namespace = (pid: string): string => readlinkSync(`/proc/${pid}/ns/pid`);
  let own: string;
  try {
    own = namespace(String(init));
  } catch {
    return [];
  }
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid): Array<[number[], string]> => {
      try {
        if (namespace(pid) !== own) return [];
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const numbers = /^NSpid:\s*(.*)$/m.exec(status)?.[1] ?? pid;
        return [[numbers.split(/\s+/).map(Number), /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '']];
      } catch {
        return [];
      }
    });
}

const QUESTIONS: ReadonlyArray<readonly [what: string, command: string]> = [
  ['device', 'ls /sys/class/net'],
  ['namespace', 'ip netns'],
  ['mount', 'findmnt -rno TARGET'],
  ['port', 'ovs-vsctl --bare --columns=name list Interface'],
  ['switch setting', 'ovs-vsctl get Open_vSwitch . external_ids'],
  ['chassis', 'ovn-sbctl --bare --columns=name list Chassis'],
  ...[
    'Logical_Switch',
    'Logical_Router',
    'Port_Group',
    'Address_Set',
    'DHCP_Options',
    'ACL',
    'NAT',
    'Load_Balancer',
  ].map((table) => [table, `ovn-nbctl --bare --columns=_uuid list ${table}`] as const),
  ['northbound mark', 'ovn-nbctl --bare --columns=external_ids list NB_Global'],
  ['guest', 'virsh -c qemu:///system list --all --name'],
];

async function things(run: SystemMachine['run']): Promise<string[]> {
  const script = QUESTIONS.map(([what, command]) => `${command} | sed -e '/^$/d' -e 's/^/${what} /'`);
  const { stdout } = await run(['bash', '-c', script.join('\n')]);
  return stdout.split('\n').filter((line) => line !== '');
}
