// What a token carries, in a compact binary form of our own: about 70 bytes before sealing.
// Layout: version, scope kind and flags, methods, then ids, times and audit ids; ids of 32 hex digits take 17 bytes.
import { randomBytes } from 'node:crypto';

export const METHODS = [
  'password',
  'token',
  'application_credential',
  'totp',
  'oauth1',
  'ec2credential',
] as const;
export type AuthMethod = (typeof METHODS)[number];

export type TokenScope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'domain'; readonly id: string }
  | { readonly kind: 'system' };

export interface TokenPayload {
  readonly userId: string;
  readonly methods: readonly AuthMethod[];
  readonly scope: TokenScope;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The token's own, then the first of the chain when it was made from another token. */
  readonly auditIds: readonly [string] | readonly [string, string];
  readonly applicationCredentialId?: string;
  /** The scope is then the trust's project, or none; `userId` is the trustee's. */
  readonly trustId?: string;
  /** The OAuth access token that it was made with. */
  readonly accessTokenId?: string;
}

const VERSION = 1;
const SCOPES = ['unscoped', 'project', 'domain', 'system'] as const;
const HAS_CREDENTIAL = 0x10;
const HAS_CHAIN = 0x20;
const HAS_TRUST = 0x40;
const HAS_ACCESS_TOKEN = 0x80;

/** 22 characters of URL-safe base64. */
export function newAuditId(): string {
  return randomBytes(16).toString('base64url');
}

export function encodePayload(payload: TokenPayload): Buffer {
  const bytes = Buffer.alloc(1024);
  const { scope } = payload;
  const chain = payload.auditIds[1];
  bytes[0] = VERSION;
  bytes[1] =
    SCOPES.indexOf(scope.kind) |
    (payload.applicationCredentialId ? HAS_CREDENTIAL : 0) |
    (chain ? HAS_CHAIN : 0) |
    (payload.trustId ? HAS_TRUST : 0) |
    (payload.accessTokenId ? HAS_ACCESS_TOKEN : 0);
  bytes[2] = payload.methods.reduce((bits, method) => bits | (1 << METHODS.indexOf(method)), 0);
  let at = bytes.writeUIntBE(payload.issuedAt, 3, 6);
  at = bytes.writeUIntBE(payload.expiresAt, at, 6);
  at += bytes.write(payload.auditIds[0], at, 16, 'base64url');
  if (chain) at += bytes.write(chain, at, 16, 'base64url');
  at = writeId(bytes, at, payload.userId);
  if ('id' in scope) at = writeId(bytes, at, scope.id);
  for (const id of [payload.applicationCredentialId, payload.trustId, payload.accessTokenId]) {
    if (id) at = writeId(bytes, at, id);
  }
  return bytes.subarray(0, at);
}

/** Undefined for bytes of another version or form. */
export function decodePayload(bytes: Buffer): TokenPayload | undefined {
  if (bytes.length < 32 || bytes[0] !== VERSION) return undefined;
  const flags = bytes[1]!; // the length was checked
  const kind = SCOPES[flags & 0x0f];
  const bits = bytes[2]!; // likewise
  const hasChain = (flags & HAS_CHAIN) !== 0;
  const reader = new Reader(bytes, hasChain ? 47 : 31);
  const own = bytes.subarray(15, 31).toString('base64url');
  const userId = reader.id();
  if (kind === undefined || userId === undefined) return undefined;
  const scopeId = kind === 'project' || kind === 'domain' ? reader.id() : undefined;
  const credential = (flags & HAS_CREDENTIAL) !== 0 ? reader.id() : undefined;
  const trust = (flags & HAS_TRUST) !== 0 ? reader.id() : undefined;
  const accessToken = (flags & HAS_ACCESS_TOKEN) !== 0 ? reader.id() : undefined;
  return {
    userId,
    methods: METHODS.filter((_, index) => (bits & (1 << index)) !== 0),
    scope: scopeId === undefined ? ({ kind } as TokenScope) : ({ kind, id: scopeId } as TokenScope),
    issuedAt: bytes.readUIntBE(3, 6),
    expiresAt: bytes.readUIntBE(9, 6),
    auditIds: hasChain ? [own, bytes.subarray(31, 47).toString('base64url')] : [own],
    ...(credential === undefined ? {} : { applicationCredentialId: credential }),
    ...(trust === undefined ? {} : { trustId: trust }),
    ...(accessToken === undefined ? {} : { accessTokenId: accessToken }),
  };
}

function writeId(bytes: Buffer, at: number, id: string): number {
  if (/^[0-9a-f]{32}$/.test(id)) {
    bytes[at] = 0;
    return at + 1 + bytes.write(id, at + 1, 'hex');
  }
  const length = Buffer.byteLength(id);
  if (length === 0 || length > 255) throw new Error('an id in a token has 1 to 255 bytes');
  bytes[at] = length;
  return at + 1 + bytes.write(id, at + 1);
}

class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  id(): string | undefined {
    const length = this.#bytes[this.#at];
    if (length === undefined) return undefined;
    const start = this.#at + 1;
    this.#at = start + (length === 0 ? 16 : length);
    return this.#bytes.subarray(start, this.#at).toString(length === 0 ? 'hex' : 'utf8');
  }
}
