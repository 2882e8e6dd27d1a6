// Calls off what is being done with an instance when word comes that the instance is to go. The database says so too, which
// the work sees at its next record; this is for waits in between, which may be long.

export interface Cancellable extends Disposable {
  readonly signal: AbortSignal;
}

export class Cancellations {
  /** One at a time for each instance: the work holds the instance's lock. */
  readonly #working = new Map<string, AbortController>();

  begin(instanceId: string): Cancellable {
    const controller = new AbortController();
    this.#working.set(instanceId, controller);
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        if (this.#working.get(instanceId) === controller) this.#working.delete(instanceId);
      },
    };
  }

  cancel(instanceId: string): void {
    this.#working.get(instanceId)?.abort(new Error('called off'));
  }
}
