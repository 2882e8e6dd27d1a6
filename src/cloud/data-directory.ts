/**
 * The one directory that holds all state of a cloud: its layout, its lock, who owns it, and the prefix that names
 * the cloud's namespaces and interfaces. Opened first by `up`; read by `down`.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { keepToOwner } from '#platform/sql/owner-only.ts';
import { identify, isRunning } from '#platform/supervise/process-table.ts';
import type { ProcessIdentity } from '#platform/supervise/process-table.ts';
import { DataDirectoryInUse, DataDirectoryUnusable } from './errors.ts';

/**
 * The longest socket below it is `hosts/<name>/libvirt/sock/libvirt-admin-sock`, and a Unix socket's path may have
 * 107 bytes.
 */
const LONGEST_PATH = 54;

export type Owner = ProcessIdentity & { listen?: string | undefined; simulated?: boolean | undefined };

export class DataDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Starts the name of every namespace and interface of this cloud: `plx-1a2b3c`. */
  readonly prefix: string;

  constructor(path: string) {
    this.path = path;
    this.prefix = `plx-${createHash('sha256').update(path).digest('hex').slice(0, 6)}`;
  }

  /** Record of the processes that run for this cloud. */
  get processRecord(): string {
    return join(this.path, 'run', 'processes.json');
  }

  get logs(): string {
    return join(this.path, 'log');
  }

  /** Databases and sockets of OVN's central part. */
  get ovn(): string {
    return join(this.path, 'ovn');
  }

  get cache(): string {
    return join(this.path, 'cache');
  }

  host(name: string): string {
    return join(this.path, 'hosts', name);
  }

  log(name: string): string {
    return join(this.logs, `${name}.log`);
  }

  /** A directory below, made with mode 0700 where it is absent. */
  make(...parts: string[]): string {
    const path = join(this.path, ...parts);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  readJson(file: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.path, file), 'utf8'));
    } catch {
      return undefined;
    }
  }

  writeJson(file: string, value: unknown): void {
    const path = join(this.path, file);
    writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** The process that runs this cloud now, if one does. */
  findOwner(): Owner | undefined {
    const owner = this.readJson('run/owner.json');
    return isOwner(owner) && isRunning(owner) ? owner : undefined;
  }
}

function isOwner(value: unknown): value is Owner {
  return typeof value === 'object' && value !== null && 'pid' in value && 'startTime' in value;
}

/** An open data directory is locked: no other process can open it until it is closed or this process ends. */
export type OpenDataDirectory = DataDirectory & { close(): void };

/** The data directory as `down` sees it: undefined where there is none. */
export function findDataDirectory(path: string): DataDirectory | undefined {
  try {
    return new DataDirectory(realpathSync(path));
  } catch {
    return undefined;
  }
}

/** Makes the directory where needed and locks it. Throws DataDirectoryInUse or DataDirectoryUnusable. */
export function openDataDirectory(
  path: string,
  { listen, simulated }: Pick<Owner, 'listen' | 'simulated'> = {},
): OpenDataDirectory {
  const data = new DataDirectory(makeTop(path));
  for (const part of ['run', 'log', 'ovn', 'hosts', 'cache']) data.make(part);
  const unlock = lock(data);
  data.writeJson('run/owner.json', { ...identify(process.pid)!, listen, simulated });
  return Object.assign(data, {
    close: (): void => {
      rmSync(join(data.path, 'run', 'owner.json'), { force: true });
      unlock();
    },
  });
}

function makeTop(path: string): string {
  let real: string;
  let made: string | undefined;
  try {
    made = mkdirSync(path, { recursive: true, mode: 0o700 });
    real = realpathSync(path);
    chmodSync(real, 0o700);
  } catch (error) {
    throw new DataDirectoryUnusable(path, error instanceof Error ? error.message : String(error));
  }
  const tooLong = explainTooLong(real);
  if (tooLong !== undefined) {
    if (made !== undefined) rmSync(made, { recursive: true });
    throw new DataDirectoryUnusable(real, tooLong);
  }
  return real;
}

/** Why the path is too long; undefined when it is not. */
export function explainTooLong(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  return bytes > LONGEST_PATH
    ? `its path has ${bytes} bytes, and with more than ${LONGEST_PATH} the Unix sockets below it do not fit`
    : undefined;
}

/** A database opened for exclusive use: the kernel drops its lock when the process ends, however it ends. */
function lock(data: DataDirectory): () => void {
  const path = join(data.path, 'run', 'lock.db');
  keepToOwner(path);
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch {
    database.close();
    throw new DataDirectoryInUse(data.path, data.findOwner()?.pid);
  }
  return () => database.close();
}
