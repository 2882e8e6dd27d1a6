// Options of the identity service, with the defaults that a cloud of one machine wants. Given by whoever creates the service.

/** Cost of one password hash (argon2id, RFC 9106). Higher is dearer for an attacker and for each first login alike. */
export interface PasswordHashCost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
}

/** Rules of the PCI DSS kind; all off by default, as upstream. */
export interface SecurityRules {
  /** Wrong passwords in a row after which a user is locked; undefined: never. */
  readonly lockoutFailureAttempts?: number;
  readonly lockoutDurationSeconds: number;
  /** How many passwords back (the current one included) may not be used again; 0 or 1: no rule. */
  readonly uniqueLastPasswordCount: number;
  readonly minimumPasswordAgeDays: number;
  readonly passwordExpiresDays?: number;
  readonly passwordRegex?: string;
  readonly passwordRegexDescription?: string;
  /** A password that an administrator set has to be changed by its user before it gives tokens. */
  readonly changePasswordUponFirstUse: boolean;
}

export interface IdentityConfig {
  readonly tokenLifetimeSeconds: number;
  /** How long after its expiry a token still passes for services that ask so (`allow_expired`). */
  readonly allowExpiredSeconds: number;
  /** Keys kept in the Fernet repository: the primary, the staged and those that only decrypt. */
  readonly maxActiveKeys: number;
  readonly passwordHash: PasswordHashCost;
  /** Hashes computed at once: each takes a thread of the pool that files and names need too. */
  readonly concurrentHashes: number;
  /** How long a password that was verified is believed without a new hash. 0: never. */
  readonly verifiedPasswordSeconds: number;
  readonly maxPasswordLength: number;
  /** Projects below each other, the domain not counted. */
  readonly maxProjectDepth: number;
  readonly security: SecurityRules;
}

const DEFAULT_IDENTITY_CONFIG: IdentityConfig = {
  tokenLifetimeSeconds: 3600,
  allowExpiredSeconds: 172_800,
  maxActiveKeys: 3,
  passwordHash: { memoryKiB: 19_456, passes: 2, parallelism: 1 }, // OWASP's minimum for argon2id; about 20 ms
  concurrentHashes: 2,
  verifiedPasswordSeconds: 300,
  maxPasswordLength: 1024,
  maxProjectDepth: 5,
  security: {
    lockoutDurationSeconds: 1800,
    uniqueLastPasswordCount: 0,
    minimumPasswordAgeDays: 0,
    changePasswordUponFirstUse: false,
  },
};

/** What a caller gives: any part of the configuration. */
export type IdentityOptions = Partial<Omit<IdentityConfig, 'security' | 'passwordHash'>> & {
  readonly security?: Partial<SecurityRules>;
  readonly passwordHash?: Partial<PasswordHashCost>;
};

export function identityConfig(options: IdentityOptions = {}): IdentityConfig {
  return {
    ...DEFAULT_IDENTITY_CONFIG,
    ...options,
    security: { ...DEFAULT_IDENTITY_CONFIG.security, ...options.security },
    passwordHash: { ...DEFAULT_IDENTITY_CONFIG.passwordHash, ...options.passwordHash },
  };
}
