// Runs the cluster's command line programs as one user and tells what kept them from it. Used by real.ts.
import { spawn, type ChildProcess } from 'node:child_process';
import { CommandError, inNetns, runCommand } from '#platform/supervise/run-command.ts';
import type { CephCluster, CephUser } from './access.ts';
import { RbdError, type RbdFault } from './port.ts';

/** A healthy cluster answers within 0.1 s; one that recovers from the loss of a disk can take many seconds. */
const DEADLINE_MS = 60_000;

/** The programs end with the number of the error. */
const FAULTS: Readonly<Record<number, RbdFault>> = {
  1: 'forbidden',
  2: 'absent',
  13: 'forbidden',
  16: 'busy',
  17: 'exists',
  28: 'no-space',
  30: 'busy',
  39: 'busy',
  110: 'unreachable',
  122: 'no-space',
};

export class CephCommands {
  readonly cluster: CephCluster;
  readonly user: CephUser;

  constructor(cluster: CephCluster, user: CephUser) {
    this.cluster = cluster;
    this.user = user;
  }

  /** `rbd` with these arguments. @throws RbdError */
  async rbd(args: readonly string[], deadlineMs?: number): Promise<string> {
    return this.#run('rbd', args, deadlineMs);
  }

  /** `ceph` with these arguments. @throws RbdError */
  async ceph(args: readonly string[]): Promise<string> {
    return this.#run('ceph', args);
  }

  /** For what streams: the caller owns the process, and pipes are as it says. Ends with this process at the latest. */
  spawn(
    program: string,
    args: readonly string[],
    stdio: ['ignore' | 'pipe', 'ignore' | 'pipe', 'pipe'],
  ): ChildProcess {
    const argv = inNetns(this.cluster.netns, [program, ...args]);
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], { stdio, cwd: '/' });
    child.stdin?.on('error', () => undefined); // told by its end
    return child;
  }

  /** What every command begins with. */
  identity(): string[] {
    return ['--conf', this.cluster.confFile, '--id', this.user];
  }

  async #run(program: string, args: readonly string[], deadlineMs = DEADLINE_MS): Promise<string> {
    const argv = [program, ...this.identity(), ...args];
    try {
      return (await runCommand(argv, { deadlineMs, netns: this.cluster.netns })).stdout;
    } catch (error) {
      throw explained(`${program} ${args.join(' ')}`, error);
    }
  }
}

/** Waits for the end of a streaming program. @throws RbdError unless it ended well */
export async function ended(child: ChildProcess, what: string): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new RbdError('failed', `${what} could not be started`, { cause })));
    child.once('close', resolve);
  });
  if (code !== 0) throw new RbdError(faultOf(code ?? undefined), `${what}: ${lastLine(said)}`);
}

function explained(what: string, error: unknown): RbdError {
  if (!(error instanceof CommandError)) throw error;
  const { failure, exitCode, stderrTail } = error;
  const fault = failure === 'deadline' ? 'unreachable' : faultOf(exitCode);
  return new RbdError(fault, `${what}: ${lastLine(stderrTail) || failure}`, { cause: error });
}

function faultOf(code: number | undefined): RbdFault {
  return (code !== undefined && FAULTS[code]) || 'failed';
}

/** Without the time and thread that the libraries put before what they say. */
function lastLine(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? '').replace(/^\d{4}-\S+ \S+ +-?\d+ /, '').slice(0, 300);
}
