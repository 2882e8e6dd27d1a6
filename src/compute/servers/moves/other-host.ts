// The host that a request names to move a server to.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findNode } from '../store.ts';

/** @throws InvalidInput for a host that is not there, or that the server is on */
export async function requireOtherHost(
  deps: Pick<ComputeDeps, 'db'>,
  row: InstanceRow,
  wanted: string | null,
): Promise<void> {
  if (wanted === null) return;
  if (!(await findNode(deps.db.kysely, { host: wanted })))
    throw new InvalidInput(`Compute host ${wanted} could not be found.`, 'no-such-host');
  if (wanted === row.host)
    throw new InvalidInput(`Cannot migrate instance ${row.id} to the same host ${wanted}.`, 'same-host');
}
