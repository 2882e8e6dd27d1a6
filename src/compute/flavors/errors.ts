// Refusals about flavors.
import { Conflict, NotFound } from '#compute/errors.ts';

export class FlavorNotFound extends NotFound {
  constructor(id: string) {
    super(`Flavor ${id.slice(0, 255)} could not be found.`, 'flavor-not-found');
  }
}

export class FlavorExists extends Conflict {
  constructor(what: 'name' | 'ID', value: string) {
    super(`Flavor with ${what} ${value} already exists.`, 'flavor-exists');
  }
}
