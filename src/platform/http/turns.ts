// Lets requests begin a few at a time, so that the process's loop goes round between them. Called by mount.ts for requests from
// outside.
//
// All requests that have come since the loop last looked would be answered before it looks again, and an answer that does not
// fit into its socket's buffer is written on only when it looks. With many long lists at once such a round takes seconds, and
// an answer in several pieces takes several rounds.

/** A round that has worked for so long takes in no more. Lower: short requests wait; higher: written answers do. */
const ROUND_MS = 5;

class Turns {
  readonly #waiting: Array<() => void> = [];
  #roundBegan: number | undefined;

  /** Resolves at once while the round is young and nobody waits; else in a later one, in the order of the calls. */
  take(): Promise<void> | undefined {
    if (this.#roundBegan === undefined) this.#begin();
    else if (this.#waiting.length > 0 || performance.now() - this.#roundBegan > ROUND_MS)
      return new Promise((resolve) => this.#waiting.push(resolve));
    return undefined;
  }

  #begin(): void {
    this.#roundBegan = performance.now();
    setImmediate(() => {
      this.#roundBegan = undefined;
      const next = this.#waiting.shift();
      if (!next) return;
      this.#begin();
      next();
    });
  }
}

export const turns = new Turns();
