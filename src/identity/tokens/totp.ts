// One-time passcodes by time (RFC 6238: SHA-1, 6 digits, steps of 30 s). Secrets are credentials of type totp, in base32.
// A passcode counts once, and only a few wrong ones may be tried in a step: there are but a million.
import { createHmac } from 'node:crypto';
import type { Clock } from '#platform/context/clock.ts';

const STEP_SECONDS = 30;
/** The step before still counts, as upstream by default: typing takes time. */
const PREVIOUS_STEPS = 1;
const MAX_WRONG = 5;
const MAX_REMEMBERED = 50_000;
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

interface Tried {
  readonly step: number;
  readonly wrong: number;
  /** The last step whose passcode was taken, by credential. */
  readonly taken: ReadonlyMap<string, number>;
}

export class Passcodes {
  readonly #clock: Clock;
  readonly #tried = new Map<string, Tried>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `passcode` is that of one of the user's secrets, by credential id; it is taken then. */
  take(userId: string, secrets: ReadonlyMap<string, string>, passcode: string): boolean {
    const now = Math.floor(this.#clock.now() / 1000 / STEP_SECONDS);
    const before = this.#tried.get(userId);
    const wrong = before?.step === now ? before.wrong : 0;
    const taken = before?.taken ?? new Map<string, number>();
    if (wrong >= MAX_WRONG) return false;
    for (const [id, text] of secrets) {
      const secret = secretOf(text);
      if (!secret) continue;
      for (let step = now; step >= now - PREVIOUS_STEPS; step--) {
        if (step <= (taken.get(id) ?? -1) || passcodeAt(secret, step) !== passcode) continue;
        this.#remember(userId, { step: now, wrong, taken: new Map([...taken, [id, step]]) });
        return true;
      }
    }
    this.#remember(userId, { step: now, wrong: wrong + 1, taken });
    return false;
  }

  #remember(userId: string, tried: Tried): void {
    this.#tried.delete(userId);
    if (this.#tried.size >= MAX_REMEMBERED) {
      for (const [key, { step }] of this.#tried) {
        if (step < tried.step - PREVIOUS_STEPS) this.#tried.delete(key);
      }
    }
    this.#tried.set(userId, tried);
  }
}
