// Refusals about volume types.
import { DomainError } from '#platform/errors/domain-error.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';

export class TypeNotFound extends ResourceNotFound {
  constructor(id: string) {
    super('Volume type', id);
  }
}

export class TypeExists extends DomainError {
  constructor(name: string) {
    super('conflict', 'volume-type-exists', `Volume Type ${name} already exists.`);
  }
}

/** Volumes or snapshots have it. Upstream answers 400. */
export class TypeInUse extends InvalidInput {
  constructor(doing: string) {
    super(`Cannot ${doing}: the volume type is still in use by volumes.`, 'volume-type-in-use');
  }
}
