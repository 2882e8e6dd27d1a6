// `host@backend#pool`: where a volume is, and the queue of the service that has it. Pure.
import { InvalidVolume } from '#volume/errors.ts';
import type { VolumeRow } from '#volume/tables.ts';

/** `host@backend` of a volume. @throws InvalidVolume for one that no backend has yet */
export function backendOf({ id, host }: Pick<VolumeRow, 'id' | 'host'>): string {
  if (host === null) throw new InvalidVolume(`no backend was chosen for volume ${id}.`);
  return backendIn(host);
}

/** Without the pool. */
export const backendIn = (host: string): string => host.split('#')[0] ?? host;

export const poolHost = (hostAtBackend: string, pool: string): string => `${hostAtBackend}#${pool}`;

/** The storage host alone. */
export const hostIn = (host: string): string => host.split('@')[0] ?? host;
