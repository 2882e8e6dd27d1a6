// The base of every error that a handler, action, saga step or RPC method may raise on purpose.
// Domain code picks a kind and a stable code; only the HTTP layer knows which status that becomes.

export type ErrorKind =
  | 'bad-request'
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'conflict'
  | 'gone'
  | 'precondition-failed'
  | 'too-large'
  | 'unsupported-media-type'
  | 'range-not-satisfiable'
  | 'over-limit'
  | 'not-supported'
  | 'unavailable'
  | 'timeout';

export type ErrorFields = Readonly<Record<string, unknown>>;

/**
 * An expected refusal. `message` is read by users: it says what, why and how to mend, and does not repeat `cause`.
 * `code` is stable (tests, clients and fault tables use it); `fields` are facts for logs and error bodies, never secrets.
 */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly fields: ErrorFields;

  constructor(
    kind: ErrorKind,
    code: string,
    message: string,
    options: { fields?: ErrorFields; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.kind = kind;
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

/** The shape in which a DomainError crosses the bus. */
export interface WireError {
  readonly kind: ErrorKind | 'internal';
  readonly code: string;
  readonly message: string;
  readonly fields: ErrorFields;
}

/** Any error as it is put on the wire. The text of one that is no DomainError is for logs: no REST answer shows it. */
export function toWireError(error: unknown): WireError {
  if (error instanceof DomainError) {
    return { kind: error.kind, code: error.code, message: error.message, fields: error.fields };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'internal', code: 'internal', message, fields: {} };
}

/** A failure inside a remote method that was not a DomainError there: a bug on the other side. */
export class RemoteFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RemoteFailure';
  }
}

/** The error that the caller of a remote method sees: same kind, code, message and fields as it was raised with. */
export function fromWireError(wire: WireError): Error {
  if (wire.kind === 'internal') return new RemoteFailure(wire.message);
  return new DomainError(wire.kind, wire.code, wire.message, { fields: wire.fields });
}

/** `error` and its causes, outermost first, each as `Name: message`. For logs and launch records. */
export function causeChain(error: unknown): string[] {
  const chain: string[] = [];
  for (
    let at: unknown = error;
    at !== undefined && chain.length < 10;
    at = at instanceof Error ? at.cause : undefined
  ) {
    chain.push(at instanceof Error ? `${at.name}: ${at.message}` : String(at));
  }
  return chain;
}
