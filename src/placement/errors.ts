// The refusals of placement. Fields carry the facts; the REST layer adds upstream's error codes by `PLACEMENT_CODES`.
import { DomainError } from '#platform/errors/domain-error.ts';

/** Why one provider can't take an amount of one resource class. */
export interface Shortage {
  readonly resourceClass: string;
  readonly needed: number;
  /** What may still be taken: (total - reserved) × ratio - used; null without an inventory of the class. */
  readonly free: number | null;
  readonly reason: 'no-inventory' | 'capacity' | 'min-unit' | 'max-unit' | 'step-size';
  /** The unit limit that is in the way. */
  readonly limit?: number;
}

/** A claim doesn't fit: nothing was changed. */
export class NoCapacity extends DomainError {
  readonly providerId: string;
  readonly shortages: readonly Shortage[];

  constructor(providerId: string, shortages: readonly Shortage[]) {
    super(
      'conflict',
      'no-capacity',
      `Unable to allocate inventory on resource provider ${providerId}: ${shortages.map(describeShortage).join('; ')}`,
      { fields: { resource_provider: providerId, shortages } },
    );
    this.providerId = providerId;
    this.shortages = shortages;
  }
}

export function describeShortage(shortage: Shortage): string {
  const { resourceClass, needed, free, limit } = shortage;
  switch (shortage.reason) {
    case 'no-inventory':
      return `it has no inventory of ${resourceClass}`;
    case 'capacity':
      return `not enough ${resourceClass} (need ${needed}, free ${free})`;
    case 'min-unit':
      return `${resourceClass} is given out in units of at least ${limit}, asked were ${needed}`;
    case 'max-unit':
      return `${resourceClass} is given out in units of at most ${limit}, asked were ${needed}`;
    case 'step-size':
      return `${resourceClass} is given out in multiples of ${limit}, asked were ${needed}`;
  }
}

export class NoSuchProvider extends DomainError {
  constructor(id: string) {
    super('not-found', 'no-such-provider', `No resource provider with uuid ${id} found`, { fields: { id } });
  }
}

export class BadRequest extends DomainError {
  constructor(message: string, code = 'bad-request') {
    super('bad-request', code, message);
  }
}

export class NotFound extends DomainError {
  constructor(message: string) {
    super('not-found', 'not-found', message);
  }
}

export class Conflict extends DomainError {
  constructor(message: string, code = 'conflict') {
    super('conflict', code, message);
  }
}

/** Somebody changed it since the caller read it. */
export const providerConflict = (
  message = 'resource provider generation conflict: read it again and retry',
): Conflict => new Conflict(message, 'concurrent-update');

/** Upstream's machine-readable codes, answered from 1.23 on, by our own. */
export const PLACEMENT_CODES: Readonly<Record<string, string>> = {
  'concurrent-update': 'placement.concurrent_update',
  'inventory-in-use': 'placement.inventory.inuse',
  'provider-in-use': 'placement.resource_provider.inuse',
  'cannot-delete-parent': 'placement.resource_provider.cannot_delete_parent',
  'duplicate-name': 'placement.duplicate_name',
  'query-duplicate-key': 'placement.query.duplicate_key',
  'query-bad-value': 'placement.query.bad_value',
  'query-missing-value': 'placement.query.missing_value',
};
export const UNDEFINED_CODE = 'placement.undefined_code';
