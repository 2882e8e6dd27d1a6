// Waits until ports are where a hop wants them. A state, read again on every nudge and on a tick: a lost event delays nothing.
import type { PortTrace } from '#platform/clients/network.ts';
import type { HostDeps } from './deps.ts';

const TICK_MS = 500; // how late a port can be seen whose event was lost

export interface PortWait {
  readonly signal: AbortSignal;
  readonly waitingFor: (what: string | null) => void;
  /** Continued by the port's id: `ovn-controller on host-1 to claim`. */
  readonly what: string;
  readonly holds: (trace: PortTrace) => boolean;
  /** The error when the signal aborts while this port does not hold. */
  readonly late?: (trace: PortTrace) => Error;
}

/** @returns the traces of all ports once all hold. @throws the `late` error, or the signal's reason */
export async function waitForPorts(
  deps: HostDeps,
  portIds: readonly string[],
  wait: PortWait,
): Promise<PortTrace[]> {
  if (portIds.length === 0) return [];
  const nudge = new Nudge();
  const subscriptions = await Promise.all(
    portIds.map(async (id) => deps.bus.subscribe(`network.port.${id}`, () => nudge.fire())),
  );
  try {
    for (;;) {
      nudge.arm();
      const token = await deps.serviceToken();
      const traces = await Promise.all(portIds.map(async (id) => deps.network.getPortTrace(token, id)));
      const waiting = traces.filter((trace) => !wait.holds(trace));
      if (waiting.length === 0) {
        wait.waitingFor(null);
        return traces;
      }
      if (wait.signal.aborted) throw lateError(waiting, wait);
      await nudge.wait(TICK_MS, wait.signal);
      if (!nudge.fired)
        wait.waitingFor(
          `${wait.what} port ${waiting.map((trace) => trace.port_id).join(', ')} (missing: ${waiting[0]?.missing ?? 'nothing'})`,
        );
    }
  } finally {
    await Promise.all(subscriptions.map(async (subscription) => subscription.close()));
  }
}

function lateError(waiting: readonly PortTrace[], wait: PortWait): Error {
  const first = waiting[0];
  const isDeadline = wait.signal.reason instanceof Error && wait.signal.reason.message === 'deadline';
  return first && wait.late && isDeadline ? wait.late(first) : (wait.signal.reason as Error);
}

/** An event that may come before anybody waits for it. */
class Nudge {
  fired = false;
  #wake: (() => void) | undefined;

  arm(): void {
    this.fired = false;
  }

  fire(): void {
    this.fired = true;
    this.#wake?.();
  }

  /** Ends at the event, the tick or the abort, whichever is first. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.fired || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#wake = end;
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
