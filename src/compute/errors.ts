// Refusals of compute: what handlers, actions and RPC methods raise on purpose. The kind decides the HTTP status.
import { DomainError } from '#platform/errors/domain-error.ts';

/** A value in the request that cannot be used. */
export class InvalidInput extends DomainError {
  constructor(message: string, code = 'invalid-input') {
    super('bad-request', code, message);
  }
}

/** `what` and an id: absent, or not the caller's to see. */
export class NotFound extends DomainError {
  constructor(message: string, code = 'not-found') {
    super('not-found', code, message);
  }
}

export class ServerNotFound extends NotFound {
  constructor(id: string) {
    super(`Instance ${brief(id)} could not be found.`, 'server-not-found');
  }
}

export class Conflict extends DomainError {
  constructor(message: string, code = 'conflict') {
    super('conflict', code, message);
  }
}

/** The server's state does not allow the action. */
export class InvalidState extends Conflict {
  constructor(action: string, id: string, attribute: 'vm_state' | 'task_state', state: string) {
    super(`Cannot '${action}' instance ${id} while it is in ${attribute} ${state}`, 'invalid-state');
  }
}

/** The server has no host (yet): there is nobody to ask. */
export class NotReady extends Conflict {
  constructor(id: string) {
    super(`Instance ${id} is not ready`, 'not-ready');
  }
}

export class Locked extends Conflict {
  constructor(id: string) {
    super(`Instance ${id} is locked`, 'locked');
  }
}

/** Somebody else changed the server between the look and the write. */
export class ChangedMeanwhile extends Conflict {
  constructor(id: string) {
    super(
      `Instance ${id} was changed by another request at the same time: look at it and try again`,
      'raced',
    );
  }
}

export class Forbidden extends DomainError {
  constructor(message: string, code = 'forbidden') {
    super('forbidden', code, message);
  }
}

/** Upstream took the operation out. */
export class Gone extends DomainError {
  constructor() {
    super(
      'gone',
      'gone',
      'This resource is no longer available: it went with the part of compute that it belonged to.',
    );
  }
}

export class NotOffered extends DomainError {
  constructor(message: string) {
    super('not-supported', 'not-offered', message);
  }
}

function brief(id: string): string {
  return id.length > 255 ? `${id.slice(0, 255)}…` : id;
}
