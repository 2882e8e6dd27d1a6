// SQL of the custom resource classes.
import type { PlacementExecutor } from '#placement/deps.ts';

export async function listCustomClasses(db: PlacementExecutor): Promise<string[]> {
  return (await db.selectFrom('custom_resource_classes').select('name').orderBy('name').execute()).map(
    (row) => row.name,
  );
}

/** False when it was there already. */
export async function insertClass(db: PlacementExecutor, name: string, now: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('custom_resource_classes')
    .values({ name, created_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

export async function classInUse(db: PlacementExecutor, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('inventories')
    .select('total')
    .where('resource_class', '=', name)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Inventories and allocations of the class take the new name along. */
export async function renameClass(trx: PlacementExecutor, name: string, next: string): Promise<void> {
  await trx.updateTable('custom_resource_classes').set({ name: next }).where('name', '=', name).execute();
  await trx
    .updateTable('inventories')
    .set({ resource_class: next })
    .where('resource_class', '=', name)
    .execute();
  await trx
    .updateTable('allocations')
    .set({ resource_class: next })
    .where('resource_class', '=', name)
    .execute();
}

export async function removeClass(trx: PlacementExecutor, name: string): Promise<void> {
  await trx.deleteFrom('custom_resource_classes').where('name', '=', name).execute();
}
