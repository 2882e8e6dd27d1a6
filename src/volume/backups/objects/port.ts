// Where the data of backups lies, in our words: objects that are written once and then only read. `file-objects.ts` keeps them
// in a directory; a pool of Ceph or an object store can come beside it. All methods throw BackupStoreError.
import { DomainError } from '#platform/errors/domain-error.ts';

/** An object being written. It is there for readers, whole, once `commit` resolves; until then it is not there. */
export interface ObjectWriter extends AsyncDisposable {
  /** Bytes written so far. */
  readonly size: number;
  append(data: Buffer): Promise<void>;
  /** Safe from a loss of power when this resolves. */
  commit(): Promise<void>;
}

export interface ObjectReader extends AsyncDisposable {
  readonly size: number;
  /** @throws BackupStoreError `damaged` when the object ends before */
  read(offset: number, length: number): Promise<Buffer>;
}

/** Objects are named within a set: the data of one backup. Disposing a writer that was not committed leaves nothing. */
export interface BackupObjects {
  create(set: string, name: string): Promise<ObjectWriter>;
  /** @throws BackupStoreError `absent` */
  open(set: string, name: string): Promise<ObjectReader>;
  /** The whole set, also one half-written. Of what is not there, no error. */
  remove(set: string): Promise<void>;
  /** Sets that hold anything, for the audit. */
  listSets(): Promise<readonly string[]>;
}

export type BackupStoreFault = 'absent' | 'damaged' | 'no-space' | 'failed';

export class BackupStoreError extends DomainError {
  readonly fault: BackupStoreFault;

  constructor(fault: BackupStoreFault, message: string, cause?: unknown) {
    super(
      fault === 'absent' ? 'not-found' : 'unavailable',
      `backup-store-${fault}`,
      message,
      cause === undefined ? {} : { cause },
    );
    this.fault = fault;
  }
}
