// The move that a server in VERIFY_RESIZE waits with. Asked by those who confirm it and take it back.
import type { ComputeExecutor } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { findOpenMigration } from '#compute/server-migrations/store.ts';
import { POWER_STATE, type InstanceRow, type VmState } from '#compute/tables.ts';
import type { MigrationRow } from '#compute/server-migrations/tables.ts';

/** @throws InvalidInput when none waits: it was confirmed by another request, say */
export async function requireMoved(db: ComputeExecutor, instanceId: string): Promise<MigrationRow> {
  const migration = await findOpenMigration(db, instanceId);
  if (migration?.status !== 'finished')
    throw new InvalidInput('Instance has not been resized.', 'not-resized');
  return migration;
}

/** Its guest may have been powered off while it waited. */
export const stateAfterMove = (row: Pick<InstanceRow, 'power_state'>): VmState =>
  row.power_state === POWER_STATE.running ? 'active' : 'stopped';
