// The servers of the records, asked by every part of the comparison.
import type { InstanceRecord } from './store.ts';
import type { Things } from './things.ts';

export class Servers {
  readonly live: ReadonlyMap<string, InstanceRecord>;
  readonly #busy: ReadonlySet<string>;
  readonly #moves: ReadonlySet<string>;

  constructor({ records }: Things) {
    this.live = new Map(
      records.instances.filter((each) => each.deleted === 0).map((each) => [each.id, each]),
    );
    this.#busy = new Set(records.actions.map((action) => action.instance_id));
    this.#moves = new Set(records.migrations.map((migration) => migration.uuid));
  }

  /** Something is being done with it, so that its parts come and go. */
  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  /** It is neither over nor forgotten: what it keeps is wanted. */
  isMoving(migrationUuid: string): boolean {
    return this.#moves.has(migrationUuid);
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
