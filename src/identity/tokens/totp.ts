// One-time passcodes by time (RFC 6238: SHA-1, 6 digits, steps of 30 s). Secrets are credentials of type totp, in base32.
// A passcode counts once, and only a few may be tried in a step: there are but a million. The database knows which were.
import { createHmac } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';
import type { IdentityDatabase } from '../database.ts';
import { countTry, forgetSteps, takeStep } from './passcode-store.ts';

const STEP_SECONDS = 30;
/** The step before still counts, as upstream by default: typing takes time. */
const PREVIOUS_STEPS = 1;
/** Right ones count too: a user has one or two in a step. */
const MAX_TRIES = 5;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Undefined for what is no base32, or nothing. */
export function secretOf(text: string): Buffer | undefined {
  const letters = text.replace(/=+$/, '').toUpperCase();
  if (!/^[A-Z2-7]+$/.test(letters)) return undefined;
  let bits = 0;
  let held = 0;
  const bytes: number[] = [];
  for (const letter of letters) {
    held = ((held << 5) | BASE32.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
  }
  return bytes.length === 0 ? undefined : Buffer.from(bytes);
}

export function passcodeAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 0x0f;
  const number = digest.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

export class Passcodes {
  readonly #clock: Clock;
  readonly #db: IdentityDatabase;

  constructor(clock: Clock, db: IdentityDatabase) {
    this.#clock = clock;
    this.#db = db;
  }

  /** Whether `passcode` is that of one of the user's secrets, by credential id; it is taken then, for whoever asks later. */
  async take(userId: string, secrets: ReadonlyMap<string, string>, passcode: string): Promise<boolean> {
    const { kysely } = this.#db;
    const now = Math.floor(this.#clock.now() / 1000 / STEP_SECONDS);
    if (!(await countTry(kysely, userId, now, MAX_TRIES))) return false;
    for (const [id, text] of secrets) {
      const secret = secretOf(text);
      if (!secret) continue;
      for (let step = now; step >= now - PREVIOUS_STEPS; step--) {
        if (passcodeAt(secret, step) !== passcode || !(await takeStep(kysely, id, step))) continue;
        await forgetSteps(kysely, now - PREVIOUS_STEPS);
        return true;
      }
    }
    return false;
  }
}
