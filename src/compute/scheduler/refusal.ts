// The sentence that a user reads when no host fits, and the table behind it for administrators. Pure.
import type { FilterRound, RejectedHost } from './filters.ts';

/** `0 of 3 hosts: 2 not enough MEMORY_MB (need 8192, most free 6144), 1 disabled`, biggest group first. */
export function summarise(hosts: number, rounds: readonly FilterRound[]): string {
  if (hosts === 0) return '0 of 0 hosts: no compute host has reported yet';
  const groups = Map.groupBy(
    rounds.flatMap((round) => round.hosts_out),
    (out) => out.reason,
  );
  const words = [...groups]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .map(([reason, out]) => `${out.length} ${reason}${figures(out)}`);
  return `0 of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}: ${words.join(', ')}`;
}

function figures(out: readonly RejectedHost[]): string {
  const free = out.flatMap((each) => each.free ?? []);
  const needed = out.find((each) => each.needed !== undefined)?.needed;
  return needed === undefined || free.length === 0 ? '' : ` (need ${needed}, most free ${Math.max(...free)})`;
}

/** One line a host. */
export function describeHosts(rounds: readonly FilterRound[]): string {
  return rounds
    .flatMap((round) =>
      round.hosts_out.map((out) => {
        const numbers = out.needed === undefined ? '' : ` (need ${out.needed}, free ${out.free})`;
        return `${out.host}: ${out.reason}${numbers}${out.detail ? `: ${out.detail}` : ''} [${round.filter}]`;
      }),
    )
    .toSorted()
    .join('\n');
}

/** A failure on an earlier host, which is why another one was looked for. */
export interface EarlierFailure {
  readonly host: string | null;
  readonly step: string;
  readonly error: string;
}

/**
 * Both reasons in one message: why it failed where it was tried, and why there is no other host. Tenants read it, so it
 * names no host; the table for administrators does.
 */
export function withEarlier(summary: string, earlier: EarlierFailure | undefined, what = 'launch'): string {
  if (!earlier) return `No valid host was found. ${summary}`;
  return `The ${what} failed at ${earlier.step}: ${earlier.error}. No other host was found: ${summary}`;
}
