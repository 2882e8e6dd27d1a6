// The servers of the records, asked by every part of the comparison.
import type { InstanceRecord } from './store.ts';
import type { Things } from './things.ts';

export class Servers {
  readonly live: ReadonlyMap<string, InstanceRecord>;
  readonly #busy: ReadonlySet<string>;

  constructor({ records }: Things) {
    this.live = new Map(
      records.instances.filter((each) => each.deleted === 0).map((each) => [each.id, each]),
    );
    this.#busy = new Set(records.actions.map((action) => action.instance_id));
  }

  /** Something is being done with it, so that its parts come and go. */
  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  /** Neither there nor being removed. */
  isAbsent(id: string): boolean {
    return !this.live.has(id) && !this.#busy.has(id);
  }

  get resting(): InstanceRecord[] {
    return [...this.live.values()].filter((each) => !this.isBusy(each.id));
  }

  /** For sentences. */
  static describe({ id, name, vm_state }: InstanceRecord): string {
    return `server ${id} (${name}, ${vm_state})`;
  }
}
