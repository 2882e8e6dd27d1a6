// Where a route rightly answers an attack otherwise than the rule of its test says: data, with a reason each. A test fails
// when one of them is not needed any longer.

/** Attack → target's name → the status that is right, and why. */
export type Exceptions = Readonly<Record<string, readonly [status: number | readonly number[], why: string]>>;

export class ExceptionBook {
  readonly #exceptions: Exceptions;
  readonly #used = new Set<string>();

  constructor(exceptions: Exceptions) {
    this.#exceptions = exceptions;
  }

  /** Whether `status` is right for `name`: one of `rule`, or the excepted one. */
  fits(name: string, status: number, rule: readonly number[]): boolean {
    const exception = this.#exceptions[name];
    if (rule.includes(status)) return true;
    if (exception === undefined || ![exception[0]].flat().includes(status)) return false;
    this.#used.add(name);
    return true;
  }

  unused(): string[] {
    return Object.keys(this.#exceptions).filter((name) => !this.#used.has(name));
  }
}
