// Password hashes: argon2id on the thread pool, kept as PHC strings. Used for users' passwords and the secrets of
// application credentials.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { PasswordHashCost } from '../config.ts';

const derive = promisify(argon2);
const TAG_BYTES = 32;
const SALT_BYTES = 16;
const MAX_WAITING = 1000; // a flood of logins is refused rather than kept in memory for minutes

export class TooManyHashes extends Error {
  constructor() {
    super('too many password hashes are waiting');
    this.name = 'TooManyHashes';
  }
}

export class PasswordHasher {
  readonly #cost: PasswordHashCost;
  readonly #limit: number;
  readonly #waiting: Array<() => void> = [];
  #running = 0;
  #decoy: Promise<string> | undefined;

  constructor(cost: PasswordHashCost, concurrent: number) {
    this.#cost = cost;
    this.#limit = Math.max(1, concurrent);
  }

  /** @throws TooManyHashes */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const tag = await this.#derive(password, salt, this.#cost, TAG_BYTES);
    const { memoryKiB, passes, parallelism } = this.#cost;
    return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
  }

  /** False for a hash of another form too. @throws TooManyHashes */
  async verify(password: string, phc: string): Promise<boolean> {
    const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc);
    if (!match) return false;
    const [, memory, passes, parallelism, salt = '', tag = ''] = match;
    const expected = Buffer.from(tag, 'base64');
    const cost = { memoryKiB: Number(memory), passes: Number(passes), parallelism: Number(parallelism) };
    const actual = await this.#derive(password, Buffer.from(salt, 'base64'), cost, expected.length);
    return timingSafeEqual(actual, expected);
  }

  /** Costs what a verification costs, for users who do not exist: the time of an answer must not tell. */
  async verifyNothing(password: string): Promise<false> {
    this.#decoy ??= this.hash(randomBytes(16).toString('hex'));
    await this.verify(password, await this.#decoy);
    return false;
  }

  async #derive(password: string, nonce: Buffer, cost: PasswordHashCost, tagLength: number): Promise<Buffer> {
    await this.#enter();
    try {
      return await derive('argon2id', {
        message: password,
        nonce,
        parallelism: cost.parallelism,
        tagLength,
        memory: cost.memoryKiB,
        passes: cost.passes,
      });
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running >= this.#limit) {
      if (this.#waiting.length >= MAX_WAITING) throw new TooManyHashes();
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
    this.#running += 1;
  }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
