// The store of volumes in files, looked at from outside: files, what QEMU says of them, exports of the daemon.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { storageDirectory } from '#cloud/steps/storage-daemon.ts';
import { findDataDirectory } from '#cloud/data-directory.ts';
import { readRecord } from '#platform/supervise/process-table.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { until } from '#test/support/until.ts';

/** Of clusters that nothing names: a killed daemon leaves them, and they are no damage. */
const ONLY_LEAKS = 3;
const SETTLE_MS = 30_000;

export class VolumeStore {
  readonly #dataPath: string;

  constructor(dataPath: string) {
    this.#dataPath = dataPath;
  }

  layers(): string[] {
    return list(join(this.#directory, 'layers'));
  }

  volumes(): string[] {
    return list(join(this.#directory, 'volumes')).map((file) => file.replace(/\.json$/, ''));
  }

  /** Sets of data of backups, and how many files each has. */
  backups(): Map<string, number> {
    const top = join(this.#dataPath, 'services', 'volume', 'backups');
    return new Map(list(top).map((set) => [set, list(join(top, set)).length]));
  }

  /** Names of what the daemon exports, by asking for them as any client could. */
  async exports(): Promise<string[]> {
    const { stdout } = await runCommand(['qemu-nbd', '--list', '-k', join(this.#directory, 'nbd')]);
    return [...stdout.matchAll(/^ export: '(.*)'$/gm)].map(([, name]) => name!);
  }

  /** Every layer is sound and open nowhere. */
  async assertSound(): Promise<void> {
    await until(async () => (await this.exports()).length === 0, {
      deadlineMs: SETTLE_MS,
      what: 'exports to end',
    });
    for (const file of this.layers()) {
      const path = join(this.#directory, 'layers', file);
      const { code, stdout } = await runCommand(['qemu-img', 'check', '-q', path], {
        okCodes: [0, 1, 2, ONLY_LEAKS],
        deadlineMs: SETTLE_MS,
      });
      assert.ok(code === 0 || code === ONLY_LEAKS, `${file}: ${code} ${stdout}`);
    }
  }

  async assertEmpty(): Promise<void> {
    const left = (): string[] => [...this.layers(), ...this.volumes(), ...this.backups().keys()];
    await until(async () => left().length === 0, {
      deadlineMs: SETTLE_MS,
      what: 'nothing to be left of the volumes',
    }).catch((error: unknown) => {
      throw new Error(left().join(', '), { cause: error });
    });
    assert.deepEqual(await this.exports(), []);
  }

  /** `kill -9` of the daemon; resolves when its supervisor has started another. */
  async killDaemon(): Promise<void> {
    const { pid } = this.#daemon() ?? assert.fail('the storage daemon does not run');
    process.kill(pid, 'SIGKILL');
    await until(async () => (this.#daemon()?.pid ?? pid) !== pid, {
      deadlineMs: SETTLE_MS,
      what: 'the storage daemon to be started again',
    });
  }

  #daemon(): { readonly pid: number } | undefined {
    const record = readRecord(findDataDirectory(this.#dataPath)!.processRecord);
    return record.findLast(({ name }) => name === 'storage-daemon');
  }

  get #directory(): string {
    return storageDirectory(findDataDirectory(this.#dataPath)!);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
