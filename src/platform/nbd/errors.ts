// The errors callers meet: what the server refused, and a connection that is not there (any more).

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'EPERM'],
  [5, 'EIO'],
  [12, 'ENOMEM'],
  [22, 'EINVAL'],
  [28, 'ENOSPC'],
  [75, 'EOVERFLOW'],
  [95, 'ENOTSUP'],
  [108, 'ESHUTDOWN'],
]);

/** The server answered a request with an error, or refused the export. */
export class NbdError extends Error {
  /** `ENOSPC`, `EIO` …; `no-export` when there is none of that name; `refused` for other refusals of the handshake. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'NbdError';
    this.code = code;
  }

  static of(number: number, what: string, said: string): NbdError {
    const code = NAMES.get(number) ?? `E${number}`;
    return new NbdError(code, `${what} failed with ${code}${said === '' ? '' : `: ${said}`}`);
  }
}

/**
 * No answer can come: refused, closed, over its deadline, or a peer that does not keep to the protocol. Whether a request
 * under way took effect is unknown; what was flushed before is safe.
 */
export class NbdConnectionError extends Error {
  readonly code: 'refused' | 'closed' | 'timeout' | 'protocol';

  constructor(code: NbdConnectionError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NbdConnectionError';
    this.code = code;
  }
}
