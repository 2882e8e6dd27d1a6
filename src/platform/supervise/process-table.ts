/**
 * What runs on the machine and is ours: the record of supervised processes on disk, and how to end leftovers of a
 * cloud that was killed. A process is known by pid and start time, because pids are reused.
 */
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { waitUntil } from './wait.ts';

/** `startTime` is field 22 of /proc/PID/stat, in clock ticks since boot. */
export type ProcessIdentity = { pid: number; startTime: string };
export type RecordedProcess = ProcessIdentity & { name: string };
type RecordFile = { bootId: string; processes: RecordedProcess[] };

/** Every supervised process carries this variable; its value says which cloud it belongs to. */
export const CLOUD_MARKER = 'PILEUS_CLOUD';

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Start time of a running process, or undefined where none has this pid (zombies count as gone). */
export function findStartTime(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold spaces and parentheses: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  return findStartTime(pid) === startTime;
}

export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = findStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Pids of the direct children of a process. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Processes whose environment names this cloud: finds also those that were started but not yet recorded. */
export function findMarked(cloud: string): ProcessIdentity[] {
  const marker = `${CLOUD_MARKER}=${cloud}`;
  return allPids().flatMap((pid) => {
    if (pid === process.pid) return [];
    try {
      const marked = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(marker);
      return marked ? (identify(pid) ?? []) : [];
    } catch {
      return [];
    }
  });
}

/** Processes whose network namespace is the named one. */
export function findInNetns(name: string): ProcessIdentity[] {
  let inode: number;
  try {
    inode = statSync(`/run/netns/${name}`).ino;
  } catch {
    return [];
  }
  return allPids().flatMap((pid) => {
    try {
      return statSync(`/proc/${pid}/ns/net`).ino === inode ? (identify(pid) ?? []) : [];
    } catch {
      return [];
    }
  });
}

/** Kills what still runs of these and waits until it is gone. Returns how many were ended. */
export async function killAll(processes: readonly ProcessIdentity[], deadlineMs = 5000): Promise<number> {
  const running = processes.filter((one) => one.pid > 1 && one.pid !== process.pid && isRunning(one));
  for (const one of running) {
    try {
      process.kill(one.pid, 'SIGKILL');
    } catch {
      // gone in between
    }
  }
  await waitUntil(() => !running.some(isRunning), { what: 'end of killed processes', deadlineMs });
  return running.length;
}

/** The record on disk of what is supervised now. Written at each start and end, so that it survives kill -9. */
export class ProcessRecord {
  readonly #file: string;
  readonly #running = new Map<number, RecordedProcess>();

  constructor(file: string) {
    this.#file = file;
  }

  add(name: string, identity: ProcessIdentity): void {
    this.#running.set(identity.pid, { name, ...identity });
    this.#write();
  }

  remove(pid: number): void {
    if (this.#running.delete(pid)) this.#write();
  }

  #write(): void {
    const content: RecordFile = { bootId: readBootId(), processes: [...this.#running.values()] };
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(content, null, 1)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** What a record says is running; empty where there is none, it is unreadable, or the machine has booted since. */
export function readRecord(file: string): RecordedProcess[] {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as RecordFile;
    return content.bootId === readBootId() ? content.processes : [];
  } catch {
    return [];
  }
}
