// All SQL of the table `pending_images`. Called by the requests that make images of servers, and by the loop that takes away what
// came to nothing.
import type { ComputeExecutor } from '#compute/deps.ts';
import type { PendingImageRow } from './tables.ts';

export async function insertPendingImage(db: ComputeExecutor, row: PendingImageRow): Promise<void> {
  await db.insertInto('pending_images').values(row).execute();
}

/** The request that wanted it commits: from now on the action answers for it. @returns false when it was given up meanwhile */
export async function keepPendingImage(db: ComputeExecutor, id: string, actionId: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('pending_images')
    .set({ state: 'kept', action_id: actionId })
    .where('id', '=', id)
    .where('state', '=', 'reserving')
    .executeTakeFirst();
  return Number(numUpdatedRows) === 1;
}

/** From now on the request can't commit any more, nor was it forgotten. @returns false when it has committed */
export async function giveUpPendingImage(db: ComputeExecutor, row: PendingImageRow): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('pending_images')
    .values({ ...row, state: 'discarding' })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet({ state: 'discarding' }).where('pending_images.state', '<>', 'kept'),
    )
    .executeTakeFirst();
  return Number(numInsertedOrUpdatedRows) === 1;
}

export async function removePendingImage(db: ComputeExecutor, id: string): Promise<void> {
  await db.deleteFrom('pending_images').where('id', '=', id).execute();
}

/** Those of actions that are over, and of requests that died before `before`. */
export async function listSettledImages(db: ComputeExecutor, before: string): Promise<PendingImageRow[]> {
  return db
    .selectFrom('pending_images')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb('state', '=', 'discarding'),
        eb.and([eb('state', '=', 'reserving'), eb('created_at', '<', before)]),
        eb.and([
          eb('state', '=', 'kept'),
          eb.not(
            eb.exists(
              eb
                .selectFrom('instance_actions')
                .select('instance_actions.id')
                .whereRef('instance_actions.id', '=', 'pending_images.action_id')
                .where('instance_actions.state', '=', 'running'),
            ),
          ),
        ]),
      ]),
    )
    .execute();
}
