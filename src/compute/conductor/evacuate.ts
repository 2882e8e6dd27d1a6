// Evacuations as the database sees them: the server is on its new host, and what it held on the old one is the migration's until
// that host is back and has cleaned up.
import { isoTime } from '#platform/context/clock.ts';
import { releaseInTransaction } from '#placement/claim.ts';
import type { ComputeDeps, ComputeExecutor } from '../deps.ts';
import { evacuatedTopic, type ConductorRpc } from '../rpc.ts';
import { findMigration, listEvacuatedFrom, updateMigration } from '../server-migrations/store.ts';
import { endAction, findAction, findInstance, updateInstance } from './store.ts';

export async function finishEvacuation(
  { db, bus, clock }: ComputeDeps,
  args: Parameters<ConductorRpc['finishEvacuation']>[0],
): Promise<{ readonly cancelled: boolean }> {
  let left: string | undefined;
  const end = await db.transaction(async (trx) => {
    const [entry, action, migration] = [
      await findInstance(trx, args.instance_id),
      await findAction(trx, args.action_id),
      await findMigration(trx, args.migration_uuid),
    ];
    if (action?.state === 'done') return { cancelled: false };
    if (!entry || !migration || action?.state !== 'running' || action.cancelled === 1)
      return { cancelled: true };
    const now = isoTime(clock);
    await endAction(trx, args.action_id, 'done', now);
    await updateInstance(
      trx,
      entry.id,
      {
        host: migration.dest_compute,
        node: migration.dest_node,
        availability_zone: migration.dest_zone,
        vm_state: args.vm_state,
        power_state: args.power_state,
        task_state: null,
        launched_at: now,
        progress: 100,
        admin_password: null,
        fault_json: null,
      },
      now,
    );
    await updateMigration(trx, migration.uuid, { status: 'done' }, now);
    left = migration.source_compute;
    return { cancelled: false };
  });
  // One that is there after all cleans up at once.
  if (left !== undefined) await bus.publish(evacuatedTopic(left), {});
  return end;
}

export async function listEvacuated(
  db: ComputeExecutor,
  { host }: { readonly host: string },
): Promise<Array<{ readonly instance_id: string; readonly migration_uuid: string }>> {
  const rows = await listEvacuatedFrom(db, host);
  return rows.map(({ instance_id, uuid }) => ({ instance_id, migration_uuid: uuid }));
}

/** The old host has nothing of the server any more: what was held there is free. */
export async function finishEvacuated(
  { db, clock }: ComputeDeps,
  { migration_uuid }: { readonly migration_uuid: string },
): Promise<void> {
  await db.transaction(async (trx) => {
    await releaseInTransaction(trx, migration_uuid);
    await updateMigration(trx, migration_uuid, { status: 'completed' }, isoTime(clock));
  });
}
