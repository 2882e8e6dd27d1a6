// Errors of the OVSDB client. Every failure a caller can meet is an OvsdbError with a stable `code`.

export interface OvsdbErrorFields {
  details?: string;
  /** Index of the failing operation; absent when the commit itself failed. */
  opIndex?: number;
  table?: string;
  /** 'unknown' when the server may have committed although no reply arrived. */
  outcome?: 'aborted' | 'unknown';
  cause?: unknown;
}

/** Codes raised on this side; any other code is the server's own error string, such as "constraint violation". */
export type ClientErrorCode =
  | 'closed'
  | 'connection lost'
  | 'deadline exceeded'
  | 'invalid value'
  | 'not ready'
  | 'protocol error'
  | 'schema mismatch';

export class OvsdbError extends Error {
  override name = 'OvsdbError';
  readonly code: string;
  readonly details: string | undefined;
  readonly opIndex: number | undefined;
  readonly table: string | undefined;
  readonly outcome: 'aborted' | 'unknown';

  constructor(code: ClientErrorCode | (string & {}), fields: OvsdbErrorFields = {}) {
    super(describe(code, fields), fields.cause === undefined ? {} : { cause: fields.cause });
    this.code = code;
    this.details = fields.details;
    this.opIndex = fields.opIndex;
    this.table = fields.table;
    this.outcome = fields.outcome ?? 'aborted';
  }
}

/** A deadline of this side passed: of connecting, of a call, or of waitUntil. */
export class OvsdbTimeoutError extends OvsdbError {
  override name = 'OvsdbTimeoutError';
  readonly deadlineMs: number;

  constructor(deadlineMs: number, fields: OvsdbErrorFields = {}) {
    super('deadline exceeded', fields);
    this.deadlineMs = deadlineMs;
  }
}

function describe(code: string, { details, opIndex, table }: OvsdbErrorFields): string {
  const where = [opIndex === undefined ? '' : `operation ${opIndex}`, table ?? ''].filter(Boolean).join(', ');
  return `${code}${where ? ` (${where})` : ''}${details ? `: ${details}` : ''}`;
}
