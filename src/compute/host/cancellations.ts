// Calls off what is being done with an instance when word comes that the instance is to go. The database says so too, which
// the work sees at its next record; this is for waits in between, which may be long.
import type { ActionRef } from '../rpc.ts';

export interface Cancellable extends Disposable {
  readonly signal: AbortSignal;
}

export class Cancellations {
  /** One at a time for each instance: the work holds the instance's lock. */
  readonly #working = new Map<string, { readonly actionId: string; readonly controller: AbortController }>();

  begin({ instance_id, action_id }: ActionRef): Cancellable {
    const controller = new AbortController();
    const mine = { actionId: action_id, controller };
    this.#working.set(instance_id, mine);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        if (this.#working.get(instance_id) === mine) this.#working.delete(instance_id);
      },
    };
  }

  /** Something is being done with some instance of the host. */
  get working(): boolean {
    return this.#working.size > 0;
  }

  /** Whatever is being done with the instance; with `actionId` only if it is that. */
  cancel(instanceId: string, actionId?: string): void {
    const working = this.#working.get(instanceId);
    if (working && (actionId === undefined || working.actionId === actionId))
      working.controller.abort(new Error('called off'));
  }
}
