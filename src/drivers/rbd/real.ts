// A pool of a Ceph cluster through `rbd` and `ceph`: one process a command, 50 ms each. docs/decisions says why not librbd.
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { BlockAccess, Extent } from '#drivers/volume/port.ts';
import type { CephCluster, CephUser } from './access.ts';
import { openBlocks } from './block-access.ts';
import { CephCommands, ended } from './command.ts';
import {
  RbdError,
  type ImageSnapshot,
  type PoolUsage,
  type RbdImage,
  type RbdListed,
  type RbdPool,
} from './port.ts';

/** Deleting reads what an image holds: a large one takes its time. */
const REMOVE_MS = 10 * 60_000;
const ROLLBACK_MS = 30 * 60_000;

interface Info {
  readonly name: string;
  readonly size: number;
  readonly op_features?: readonly string[];
  readonly parent?: { readonly pool: string; readonly image: string; readonly snapshot: string };
}

interface ListedSnapshot {
  readonly name: string;
  readonly namespace?: { readonly type: string };
}

export function openRbdPool(cluster: CephCluster, user: CephUser, pool: string): RbdPool {
  return new CommandLinePool(new CephCommands(cluster, user), pool);
}

class CommandLinePool implements RbdPool {
  readonly pool: string;
  readonly #commands: CephCommands;

  constructor(commands: CephCommands, pool: string) {
    this.#commands = commands;
    this.pool = pool;
  }

  async list(): Promise<RbdListed[]> {
    const rows = await this.#json<Array<{ image: string; size: number; snapshot?: string }>>('ls', '--long');
    const found = new Map<string, { name: string; sizeBytes: number; snapshots: string[] }>();
    for (const { image, size, snapshot } of rows) {
      const entry = found.get(image) ?? { name: image, sizeBytes: size, snapshots: [] };
      found.set(image, entry);
      if (snapshot === undefined) entry.sizeBytes = size;
      else entry.snapshots.push(snapshot);
    }
    return [...found.values()];
  }

  async find(image: string): Promise<RbdImage | undefined> {
    const info = await orAbsent(this.#json<Info>('info', this.#at(image)));
    if (!info) return undefined;
    return {
      name: info.name,
      sizeBytes: info.size,
      parent: info.parent,
      hasClones: info.op_features?.includes('clone-parent') === true,
    };
  }

  async create(image: string, sizeBytes: number): Promise<void> {
    await this.#rbd('create', this.#at(image), '--size', `${sizeBytes}B`);
  }

  async clone(from: ImageSnapshot, image: string): Promise<void> {
    const source = `${from.pool}/${from.image}@${from.snapshot}`;
    await this.#rbd('clone', source, this.#at(image), '--rbd-default-clone-format', '2');
  }

  async grow(image: string, sizeBytes: number): Promise<number> {
    const info = await this.#json<Info>('info', this.#at(image));
    if (info.size >= sizeBytes) return info.size;
    await this.#rbd('resize', this.#at(image), '--size', `${sizeBytes}B`, '--no-progress');
    return sizeBytes;
  }

  async rename(image: string, to: string): Promise<void> {
    await this.#rbd('rename', this.#at(image), this.#at(to));
  }

  async remove(image: string): Promise<void> {
    const snapshots = await orAbsent(this.#allSnapshots(image));
    if (!snapshots) return;
    if (snapshots.some(inSight)) throw new RbdError('busy', `${this.#at(image)} has snapshots`);
    // Out of sight it could be put while it is open: its user would not notice that it is gone.
    if ((await this.watchers(image)) > 0) throw new RbdError('busy', `${this.#at(image)} is open`);
    if (snapshots.length > 0) await orAbsent(this.#rbd('trash', 'mv', this.#at(image)));
    else await orAbsent(this.#commands.rbd(['rm', this.#at(image), '--no-progress'], REMOVE_MS));
    await this.#purge();
  }

  async snapshots(image: string): Promise<string[]> {
    return (await this.#allSnapshots(image)).filter(inSight).map(({ name }) => name);
  }

  async createSnapshot(image: string, snapshot: string): Promise<void> {
    const creating = this.#rbd('snap', 'create', `${this.#at(image)}@${snapshot}`, '--no-progress');
    await creating.catch((error: unknown) => {
      if (!isFault(error, 'exists')) throw error;
    });
  }

  async renameSnapshot(image: string, snapshot: string, to: string): Promise<void> {
    await this.#rbd('snap', 'rename', `${this.#at(image)}@${snapshot}`, `${this.#at(image)}@${to}`);
  }

  async removeSnapshot(image: string, snapshot: string): Promise<void> {
    const at = `${this.#at(image)}@${snapshot}`;
    await orAbsent(this.#commands.rbd(['snap', 'rm', at, '--no-progress'], REMOVE_MS));
    await this.#purge();
  }

  async rollback(image: string, snapshot: string): Promise<void> {
    const at = `${this.#at(image)}@${snapshot}`;
    await this.#commands.rbd(['snap', 'rollback', at, '--no-progress'], ROLLBACK_MS);
  }

  async watchers(image: string): Promise<number> {
    const status = await this.#json<{ watchers: unknown[] | Record<string, unknown> }>(
      'status',
      this.#at(image),
    );
    return Object.keys(status.watchers).length;
  }

  async findNote(image: string, key: string): Promise<string | undefined> {
    return (await orAbsent(this.#rbd('image-meta', 'get', this.#at(image), key)))?.trimEnd();
  }

  async setNote(image: string, key: string, value: string): Promise<void> {
    await this.#rbd('image-meta', 'set', this.#at(image), key, value);
  }

  async write(image: string, from: (pipe: Writable) => Promise<void>): Promise<void> {
    const args = [...this.#commands.identity(), 'import', '--no-progress', '-', this.#at(image)];
    const child = this.#commands.spawn('rbd', args, ['pipe', 'ignore', 'pipe']);
    const end = ended(child, `rbd import ${this.#at(image)}`);
    end.catch(() => undefined); // awaited below
    try {
      await from(child.stdin!); // piped
    } catch (error) {
      // Ended rather than killed: it closes the image, which would else count as open for some seconds.
      child.stdin?.end();
      await end.catch(() => undefined);
      throw error;
    }
    await end;
  }

  read(image: string, snapshot: string): Readable {
    const args = [
      ...this.#commands.identity(),
      'export',
      '--no-progress',
      `${this.#at(image)}@${snapshot}`,
      '-',
    ];
    const child = this.#commands.spawn('rbd', args, ['ignore', 'pipe', 'pipe']);
    const out = child.stdout!; // piped
    ended(child, `rbd export ${this.#at(image)}`).catch((error: unknown) => out.destroy(error as Error));
    out.once('close', () => child.kill());
    return out;
  }

  async *extents(
    image: string,
    snapshot: string | undefined,
    size: number,
    signal?: AbortSignal,
  ): AsyncGenerator<Extent> {
    const at = snapshot === undefined ? this.#at(image) : `${this.#at(image)}@${snapshot}`;
    const child = this.#commands.spawn(
      'rbd',
      [...this.#commands.identity(), 'diff', at],
      ['ignore', 'pipe', 'pipe'],
    );
    const end = ended(child, `rbd diff ${at}`);
    end.catch(() => undefined); // awaited below
    try {
      let done = 0;
      let held: Extent | undefined;
      for await (const line of createInterface({ input: child.stdout! })) {
        signal?.throwIfAborted();
        const [, offset, length] = /^(\d+)\s+(\d+)\s+data/.exec(line) ?? [];
        if (offset === undefined) continue;
        const next = { offset: Number(offset), length: Number(length), data: true };
        if (held && held.offset + held.length === next.offset)
          held = { ...held, length: held.length + next.length };
        else {
          if (held) yield held;
          if (next.offset > done) yield { offset: done, length: next.offset - done, data: false };
          held = next;
        }
        done = held.offset + held.length;
      }
      await end;
      if (held) yield held;
      if (done < size) yield { offset: done, length: size - done, data: false };
    } finally {
      child.kill();
    }
  }

  async open(image: string, snapshot: string | undefined, mode: 'ro' | 'rw'): Promise<BlockAccess> {
    const info = await this.#json<Info>(
      'info',
      snapshot === undefined ? this.#at(image) : `${this.#at(image)}@${snapshot}`,
    );
    return openBlocks(this.#commands, {
      pool: this.pool,
      image,
      snapshot,
      mode,
      size: info.size,
      extents: (signal) => this.extents(image, snapshot, info.size, signal),
    });
  }

  async usage(): Promise<PoolUsage> {
    const { pools } = JSON.parse(await this.#commands.ceph(['df', '--format', 'json'])) as {
      pools: ReadonlyArray<{ name: string; stats: { stored: number; max_avail: number } }>;
    };
    const stats = pools.find(({ name }) => name === this.pool)?.stats;
    if (!stats) throw new RbdError('absent', `there is no pool ${this.pool}`);
    return { totalBytes: stats.stored + stats.max_avail, freeBytes: stats.max_avail };
  }

  /** What is out of sight goes when nothing hangs on it any more. What still does is left alone by the command. */
  async #purge(): Promise<void> {
    const trash = await this.#json<unknown[]>('trash', 'ls');
    if (trash.length === 0) return;
    // Two at once meet each other's halves; the next one that deletes something tries again.
    await this.#commands
      .rbd(['trash', 'purge', this.pool, '--no-progress'], REMOVE_MS)
      .catch(() => undefined);
  }

  async #allSnapshots(image: string): Promise<ListedSnapshot[]> {
    return this.#json<ListedSnapshot[]>('snap', 'ls', '--all', this.#at(image));
  }

  async #json<T>(...args: readonly string[]): Promise<T> {
    const last = args.at(-1)!; // commands have a name
    const pool = last === 'ls' || last === '--long' ? [this.pool] : [];
    return JSON.parse(await this.#rbd(...args, ...pool, '--format', 'json')) as T;
  }

  async #rbd(...args: readonly string[]): Promise<string> {
    return this.#commands.rbd(args);
  }

  #at(image: string): string {
    return `${this.pool}/${image}`;
  }
}

function inSight({ namespace }: ListedSnapshot): boolean {
  return namespace === undefined || namespace.type === 'user';
}

export function isFault(error: unknown, fault: RbdError['fault']): boolean {
  return error instanceof RbdError && error.fault === fault;
}

async function orAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
  return asked.catch((error: unknown) => {
    if (isFault(error, 'absent')) return undefined;
    throw error;
  });
}
