// What can go wrong with a hypervisor, in our words.

export type HypervisorErrorCode =
  /** No such server on this host. */
  | 'no-server'
  /** A server with this id or name is there already. */
  | 'server-exists'
  /** Not possible in the server's present state. */
  | 'wrong-state'
  /** No such disk or interface in the server. */
  | 'no-device'
  /** The specification cannot be carried out as it stands. */
  | 'invalid-spec'
  /** The hypervisor tried and failed. */
  | 'failed'
  /** No connection to the hypervisor. */
  | 'unreachable'
  /** No answer in time. */
  | 'timeout';

export class HypervisorError extends Error {
  readonly code: HypervisorErrorCode;
  readonly serverId: string | undefined;

  constructor(
    code: HypervisorErrorCode,
    message: string,
    details: { readonly serverId?: string; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'HypervisorError';
    this.code = code;
    this.serverId = details.serverId;
  }
}
