// Refusals about groups and group snapshots. Upstream answers 400 for states.
import { DomainError } from '#platform/errors/domain-error.ts';
import { ResourceNotFound } from '#volume/errors.ts';

export class GroupNotFound extends ResourceNotFound {
  constructor(id: string) {
    super('Group', id);
  }
}

export class InvalidGroup extends DomainError {
  constructor(message: string) {
    super('bad-request', 'invalid-group', `Invalid Group: ${message}`);
  }
}
