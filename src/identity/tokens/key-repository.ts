// A directory of Fernet keys, one file each, named by number: 0 is staged (the next primary, known everywhere before
// anything is sealed with it), the highest is primary, those between only open. Used for tokens and credential blobs.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openFernet, parseFernetKey, sealFernet, type FernetKey } from './fernet.ts';

const STAGED = 0;

export class KeyRepository {
  readonly #directory: string;
  readonly #maxActive: number;
  #keys: readonly FernetKey[] = [];
  #changedAt = 0;

  /** Creates the directory (0700) with a primary and a staged key where there is none. */
  constructor(directory: string, maxActive: number) {
    this.#directory = directory;
    this.#maxActive = Math.max(2, maxActive);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    if (this.#numbers().length === 0) {
      this.#write(STAGED);
      this.#write(1);
    }
    this.#load();
  }

  seal(payload: Uint8Array, nowMs: number): string {
    return sealFernet(this.#keys[0]!, payload, nowMs); // the constructor made sure of a primary
  }

  /** Undefined when no key opens `token`, also after a look at the files, which another process may have rotated. */
  open(token: string): Buffer | undefined {
    return openFernet(this.#keys, token) ?? (this.#stale() ? openFernet(this.#load(), token) : undefined);
  }

  /** The staged key becomes primary, a new one is staged, and the oldest go: what they sealed can no more be opened. */
  rotate(): void {
    const primary = Math.max(...this.#numbers()) + 1;
    renameSync(this.#file(STAGED), this.#file(primary));
    this.#write(STAGED);
    const active = this.#numbers().filter((number) => number !== STAGED);
    for (const number of active.slice(0, Math.max(0, active.length - (this.#maxActive - 1)))) {
      rmSync(this.#file(number));
    }
    this.#load();
  }

  #load(): readonly FernetKey[] {
    this.#changedAt = statSync(this.#directory).mtimeMs;
    const staged = (number: number): number => (number === STAGED ? Number.MIN_SAFE_INTEGER : number);
    this.#keys = this.#numbers()
      .toSorted((a, b) => staged(b) - staged(a))
      .map((number) => parseFernetKey(readFileSync(this.#file(number), 'utf8')));
    return this.#keys;
  }

  #stale(): boolean {
    return statSync(this.#directory).mtimeMs !== this.#changedAt;
  }

  #numbers(): number[] {
    return readdirSync(this.#directory)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  #file(number: number): string {
    return join(this.#directory, String(number));
  }

  #write(number: number): void {
    const temporary = join(this.#directory, `.new-${process.pid}`);
    writeFileSync(temporary, `${randomBytes(32).toString('base64url')}=\n`, { mode: 0o600 });
    renameSync(temporary, this.#file(number));
  }
}
