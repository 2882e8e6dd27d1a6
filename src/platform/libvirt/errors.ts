// The errors callers meet: one for what libvirt refused, one for a connection that is not there (any more).

/** Numbers of the error codes callers tell apart (virErrorNumber). */
export const ErrorCode = {
  internalError: 1,
  noSupport: 3,
  invalidArg: 8,
  operationFailed: 9,
  xmlError: 27,
  domExist: 28,
  operationDenied: 29,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  noSecret: 66,
  configUnsupported: 67,
  operationTimeout: 68,
  operationAborted: 78,
  noDomainMetadata: 80,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  resourceBusy: 87,
  deviceMissing: 99,
} as const;

/** Numbers of the parts of libvirt that callers tell apart (virErrorDomain). */
export const ErrorDomain = { rpc: 7, qemu: 10, domain: 20, secret: 30 } as const;

/** The fields of an error as they travel (virNetMessageError), without the unused ones. */
export interface WireError {
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly message: string;
}

/** libvirt answered a call with an error. `code` is one of `ErrorCode`, `domain` the part that refused. */
export class LibvirtError extends Error {
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly procedure: string;

  constructor(error: WireError, procedure: string) {
    super(error.message);
    this.name = 'LibvirtError';
    this.code = error.code;
    this.domain = error.domain;
    this.level = error.level;
    this.procedure = procedure;
  }
}

/**
 * No answer can come: refused, closed, silent past the keepalive limit, or over the call's deadline.
 * After `timeout` and `closed` it is unknown whether the call took effect.
 */
export class LibvirtConnectionError extends Error {
  readonly code: 'refused' | 'closed' | 'timeout' | 'protocol';

  constructor(code: LibvirtConnectionError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LibvirtConnectionError';
    this.code = code;
  }
}

/** True if libvirt refused with one of these codes. */
export function isLibvirtError(error: unknown, ...codes: number[]): error is LibvirtError {
  return error instanceof LibvirtError && (codes.length === 0 || codes.includes(error.code));
}
