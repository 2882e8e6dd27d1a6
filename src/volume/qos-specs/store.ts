// SQL of QoS specs and of the types that have them.
import type { Executor } from '#platform/sql/database.ts';
import type { QosSpecsRow, VolumeTables, VolumeTypeRow } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function listQosSpecs(db: Db): Promise<QosSpecsRow[]> {
  return db.selectFrom('qos_specs').selectAll().execute();
}

export async function findQosSpecs(db: Db, id: string): Promise<QosSpecsRow | undefined> {
  return db.selectFrom('qos_specs').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function insertQosSpecs(db: Db, row: QosSpecsRow): Promise<void> {
  await db.insertInto('qos_specs').values(row).execute();
}

export async function updateQosSpecs(
  db: Db,
  id: string,
  changes: Partial<Pick<QosSpecsRow, 'consumer' | 'specs_json'>>,
): Promise<void> {
  await db.updateTable('qos_specs').set(changes).where('id', '=', id).execute();
}

export async function removeQosSpecs(db: Db, id: string): Promise<void> {
  await db.deleteFrom('qos_specs').where('id', '=', id).execute();
}

export async function listTypesOf(db: Db, qosSpecsId: string): Promise<VolumeTypeRow[]> {
  return db
    .selectFrom('volume_types')
    .selectAll()
    .where('qos_specs_id', '=', qosSpecsId)
    .orderBy('name')
    .execute();
}

/** Takes the specs from all types that have them. */
export async function disassociateTypes(db: Db, qosSpecsId: string): Promise<void> {
  await db
    .updateTable('volume_types')
    .set({ qos_specs_id: null })
    .where('qos_specs_id', '=', qosSpecsId)
    .execute();
}
