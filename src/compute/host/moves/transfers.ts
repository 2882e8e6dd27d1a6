// Live migrations under way on this host: so that one can be forced to its end, and no guest is touched for that once it is over.

export class Transfers {
  /** By instance: what has been done to force it. */
  readonly #running = new Map<string, Array<Promise<void>>>();

  /** @returns what `transfer` does, once all that was done to force it is done too */
  async run<T>(instanceId: string, transfer: () => Promise<T>): Promise<T> {
    const forcing: Array<Promise<void>> = [];
    this.#running.set(instanceId, forcing);
    try {
      return await transfer();
    } finally {
      this.#running.delete(instanceId);
      await Promise.allSettled(forcing);
    }
  }

  /** @returns false when there is none. @throws what `act` throws */
  async force(instanceId: string, act: () => Promise<void>): Promise<boolean> {
    const forcing = this.#running.get(instanceId);
    if (!forcing) return false;
    const acting = act();
    forcing.push(acting);
    await acting;
    return true;
  }
}
