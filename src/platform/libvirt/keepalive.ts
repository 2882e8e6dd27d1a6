// Tells a silent peer from an idle one: pings after each quiet interval, gives up after `count` of them.
// Used by rpc.ts; knows no sockets.

export const KeepaliveProcedure = { ping: 1, pong: 2 } as const;

export interface KeepaliveOptions {
  /** Quiet time before a ping, milliseconds; 0 turns it off. */
  readonly intervalMs: number;
  /** Pings without any answer before the peer counts as dead. */
  readonly count: number;
}

export class Keepalive {
  readonly #options: KeepaliveOptions;
  readonly #ping: () => void;
  readonly #dead: () => void;
  #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;
  #heard = true;

  constructor(options: KeepaliveOptions, ping: () => void, dead: () => void) {
    this.#options = options;
    this.#ping = ping;
    this.#dead = dead;
  }

  start(): void {
    if (this.#options.intervalMs <= 0) return;
    this.#timer = setInterval(() => this.#tick(), this.#options.intervalMs);
    // A connection nobody waits on must not keep the process alive by its pings.
    this.#timer.unref();
  }

  /** Call on every packet of any kind: whoever talks is alive. */
  heard(): void {
    this.#heard = true;
    this.#unanswered = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#heard) {
      this.#heard = false;
      return;
    }
    if (this.#unanswered >= this.#options.count) {
      this.stop();
      this.#dead();
      return;
    }
    this.#unanswered += 1;
    this.#ping();
  }
}
