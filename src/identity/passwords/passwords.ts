// Checks users' passwords and changes them, with the rules of lockout, history, age and expiry when the operator wants them.
import type { Clock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { IdentityConfig } from '../config.ts';
import type { IdentityDatabase, UserRow } from '../database.ts';
import { Invalid, PasswordExpired, Unauthorized } from '../errors.ts';
import { findUser, insertPasswordHistory, listPasswordHistory, updateUser } from '../users/store.ts';
import { TooManyHashes, type PasswordHasher } from './hash.ts';
import { VerifiedPasswords } from './verified-cache.ts';

const DAY_MS = 86_400_000;

export class Passwords {
  readonly #config: IdentityConfig;
  readonly #clock: Clock;
  readonly #db: IdentityDatabase;
  readonly #hasher: PasswordHasher;
  readonly #verified: VerifiedPasswords;

  constructor(config: IdentityConfig, clock: Clock, db: IdentityDatabase, hasher: PasswordHasher) {
    this.#config = config;
    this.#clock = clock;
    this.#db = db;
    this.#hasher = hasher;
    this.#verified = new VerifiedPasswords(hasher, clock, config.verifiedPasswordSeconds);
  }

  /**
   * Costs about the same for a user that does not exist (`undefined`), is locked or has no password.
   * @throws Unauthorized @throws PasswordExpired only when the password was right
   */
  async check(
    user: UserRow | undefined,
    password: string,
    options: { allowExpired?: boolean } = {},
  ): Promise<void> {
    if (!(await this.#isRight(user, password)) || !user) throw new Unauthorized('wrong password');
    if (user.failed_auth_count > 0) await this.#setFailures(user, 0);
    const expiry = user.password_expires_at;
    const exempt = optionsOf(user)['ignore_password_expiry'] === true;
    if (options.allowExpired || expiry === null || exempt) return;
    if (Date.parse(expiry) <= this.#clock.now()) throw new PasswordExpired(user.id);
  }

  async #isRight(user: UserRow | undefined, password: string): Promise<boolean> {
    const { security, maxPasswordLength } = this.#config;
    if (password.length > maxPasswordLength) throw new Unauthorized('the password is too long');
    return this.#guard(async () => {
      const attempts = security.lockoutFailureAttempts;
      if (!user?.password_hash) return this.#hasher.verifyNothing(password);
      if (attempts === undefined || optionsOf(user)['ignore_lockout_failure_attempts'] === true) {
        return this.#verified.verify(password, user.password_hash);
      }
      // Lockout counts on what is in the database now, not on what a cache says.
      const fresh = (await findUser(this.#db.kysely, user.id)) ?? user;
      if (this.#isLocked(fresh, attempts)) return this.#hasher.verifyNothing(password);
      const right = await this.#verified.verify(password, fresh.password_hash ?? '');
      if (!right) await this.#setFailures(fresh, fresh.failed_auth_count + 1);
      else if (fresh.failed_auth_count > 0) await this.#setFailures(fresh, 0);
      return right;
    });
  }

  /** Whether `secret` is the one of `phc`; with none it costs as much and is false. For application credentials. */
  async isSecret(secret: string, phc: string | undefined): Promise<boolean> {
    return this.#guard(async () =>
      phc === undefined ? this.#hasher.verifyNothing(secret) : this.#verified.verify(secret, phc),
    );
  }

  #isLocked(user: UserRow, attempts: number): boolean {
    if (user.failed_auth_count < attempts || user.failed_auth_at === null) return false;
    const until = Date.parse(user.failed_auth_at) + this.#config.security.lockoutDurationSeconds * 1000;
    return this.#clock.now() < until;
  }

  async #setFailures(user: UserRow, count: number): Promise<void> {
    const at = count === 0 ? null : new Date(this.#clock.now()).toISOString();
    await this.#db.transaction(async (trx) =>
      updateUser(trx, user.id, { failed_auth_count: count, failed_auth_at: at }),
    );
  }

  /** @throws Invalid when it is too long or does not fit the operator's expression. */
  checkStrength(password: string): void {
    const { maxPasswordLength, security } = this.#config;
    if (password.length > maxPasswordLength) {
      throw new Invalid(`The password is longer than ${maxPasswordLength} characters.`);
    }
    if (security.passwordRegex === undefined || new RegExp(security.passwordRegex).test(password)) return;
    throw new Invalid(
      `The password does not match the requirements: ${security.passwordRegexDescription ?? security.passwordRegex}.`,
    );
  }

  /**
   * The columns that a new password sets; hash it before a transaction, put it down in one with `recordPassword`.
   * `chosenBy`: an administrator's choice skips history and age, and may have to be changed at first use.
   */
  async columnsFor(
    password: string,
    chosenBy: 'user' | 'administrator',
    userOptions: Readonly<Record<string, unknown>>,
  ): Promise<Pick<UserRow, 'password_hash' | 'password_created_at' | 'password_expires_at'>> {
    const { security } = this.#config;
    const now = this.#clock.now();
    const firstUse =
      chosenBy === 'administrator' &&
      security.changePasswordUponFirstUse &&
      userOptions['ignore_change_password_upon_first_use'] !== true;
    const days = security.passwordExpiresDays;
    const expires = firstUse ? now : days === undefined ? undefined : now + days * DAY_MS;
    return {
      password_hash: await this.#guard(async () => this.#hasher.hash(password)),
      password_created_at: new Date(now).toISOString(),
      password_expires_at:
        expires === undefined ? null : new Date(expires).toISOString().replace(/Z$/, '000Z'),
    };
  }

  /** @throws Invalid when `password` was used lately, or the last change is too young. */
  async checkHistory(user: UserRow, password: string): Promise<void> {
    const { uniqueLastPasswordCount: unique, minimumPasswordAgeDays: age } = this.#config.security;
    const history = await listPasswordHistory(this.#db.kysely, user.id);
    const last = history[0];
    const forced =
      user.password_expires_at !== null && Date.parse(user.password_expires_at) <= this.#clock.now();
    if (age > 0 && last?.self_service === 1 && !forced) {
      const allowed = Date.parse(last.created_at) + age * DAY_MS;
      if (this.#clock.now() < allowed) {
        throw new Invalid(
          `Cannot change password before minimum age of ${age} days is met. The password can be changed from ${new Date(allowed).toISOString()} on.`,
        );
      }
    }
    for (const entry of unique > 1 ? history.slice(0, unique) : []) {
      if (await this.#guard(async () => this.#hasher.verify(password, entry.password_hash))) {
        throw new Invalid(
          `Changed password cannot be identical to a previous password. The total number which includes the new password must be unique is ${unique}.`,
        );
      }
    }
  }

  /** Writes down the password for the history, in the transaction that sets it. */
  recorder(
    userId: string,
    columns: Pick<UserRow, 'password_hash' | 'password_created_at'>,
    chosenBy: 'user' | 'administrator',
  ): (trx: Parameters<typeof insertPasswordHistory>[0]) => Promise<void> {
    return async (trx) =>
      insertPasswordHistory(trx, {
        user_id: userId,
        created_at: columns.password_created_at ?? '',
        password_hash: columns.password_hash ?? '',
        self_service: chosenBy === 'user' ? 1 : 0,
      });
  }

  async #guard<T>(fn: () => Promise<T>): Promise<T> {
    try {
      return await fn();
    } catch (cause) {
      if (!(cause instanceof TooManyHashes)) throw cause;
      throw new DomainError(
        'unavailable',
        'too-many-logins',
        'Too many logins are being checked at once: try again in a few seconds.',
        { cause },
      );
    }
  }
}

export function optionsOf(row: { options: string }): Record<string, unknown> {
  return JSON.parse(row.options) as Record<string, unknown>;
}
