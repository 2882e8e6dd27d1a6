// Behaviours that a test or a user of the simulated cloud asks for: a hop that takes longer, or fails. Nothing by default.
import type { Clock } from '#platform/context/clock.ts';
import { DomainError } from '#platform/errors/domain-error.ts';

export interface InjectedBehaviour {
  /** A hop's name (`image.load`) or `*`. */
  readonly hop: string;
  /** Only on this host. */
  readonly host?: string;
  /** Only for servers whose name contains this. */
  readonly server?: string;
  readonly latencyMs?: number;
  /** The reason to fail with. */
  readonly fail?: string;
  /** How often it happens; always when absent. */
  times?: number;
}

export interface FaultInjector {
  /** Waits and throws as asked for this hop. @throws DomainError unavailable `injected` */
  before(hop: string, at: { host: string; serverName: string; signal: AbortSignal }): Promise<void>;
}

export const noFaults: FaultInjector = { before: async () => undefined };

/** Reads `behaviours` at each hop, so that a list which changes takes effect at once. */
export function faultInjector(behaviours: () => readonly InjectedBehaviour[], clock: Clock): FaultInjector {
  return {
    before: async (hop, { host, serverName, signal }) => {
      for (const behaviour of behaviours()) {
        if (!applies(behaviour, hop, host, serverName)) continue;
        if (behaviour.times !== undefined) behaviour.times -= 1;
        if (behaviour.latencyMs) await clock.sleep(behaviour.latencyMs, signal);
        if (behaviour.fail !== undefined)
          throw new DomainError('unavailable', 'injected', behaviour.fail, { fields: { hop } });
      }
    },
  };
}

function applies(behaviour: InjectedBehaviour, hop: string, host: string, serverName: string): boolean {
  if (behaviour.times !== undefined && behaviour.times <= 0) return false;
  if (behaviour.hop !== '*' && behaviour.hop !== hop) return false;
  if (behaviour.host !== undefined && behaviour.host !== host) return false;
  return behaviour.server === undefined || serverName.includes(behaviour.server);
}
