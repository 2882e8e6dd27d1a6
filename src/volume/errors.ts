// Refusals of the volume service. The kind decides the HTTP status; messages are read by users.
import { DomainError } from '#platform/errors/domain-error.ts';

/** Absent, or another project's: both look alike. */
export class VolumeNotFound extends DomainError {
  constructor(id: string) {
    super('not-found', 'volume-not-found', `Volume ${shown(id)} could not be found.`);
  }
}

export class SnapshotNotFound extends DomainError {
  constructor(id: string) {
    super('not-found', 'snapshot-not-found', `Snapshot ${shown(id)} could not be found.`);
  }
}

export class AttachmentNotFound extends DomainError {
  constructor(id: string) {
    super('not-found', 'attachment-not-found', `Volume attachment ${shown(id)} could not be found.`);
  }
}

/** For the resources that have no class of their own: `what` is a noun, `Volume type`. */
export class ResourceNotFound extends DomainError {
  constructor(what: string, id: string) {
    super(
      'not-found',
      `${what.toLowerCase().replaceAll(' ', '-')}-not-found`,
      `${what} ${shown(id)} could not be found.`,
    );
  }
}

/** What is asked cannot be, whatever the state: a wrong value. */
export class InvalidInput extends DomainError {
  constructor(message: string, code = 'invalid-input') {
    super('bad-request', code, message);
  }
}

/** The volume is not in a state in which this can be done. Upstream answers 400. */
export class InvalidVolume extends DomainError {
  constructor(message: string, code = 'invalid-volume') {
    super('bad-request', code, `Invalid volume: ${message}`);
  }
}

export class InvalidSnapshot extends DomainError {
  constructor(message: string) {
    super('bad-request', 'invalid-snapshot', `Invalid snapshot: ${message}`);
  }
}

export class VolumeConflict extends DomainError {
  constructor(message: string, code = 'volume-conflict') {
    super('conflict', code, message);
  }
}

/** An encrypted volume or backup can not be opened: a restored database may lack what its files need. */
export class EncryptionKeyMissing extends DomainError {
  constructor(ownerId: string) {
    super('unavailable', 'encryption-key-missing', `The encryption key of ${shown(ownerId)} is missing.`);
  }
}

/** Ids and names come from callers: a message holds the beginning. */
function shown(id: string): string {
  return id.slice(0, 255);
}
