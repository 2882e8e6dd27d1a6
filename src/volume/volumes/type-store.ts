// What a volume needs of its type: who may use it, and what it asks of a backend.
import { isoTime, type Clock } from '#platform/context/clock.ts';
import { isUniqueViolation, type Database, type Executor } from '#platform/sql/database.ts';
import type { VolumeTables, VolumeTypeRow } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

/** By id or name, when the project may use it. */
export async function findUsableType(
  db: Db,
  wanted: string,
  caller: { readonly projectId: string | undefined; readonly isAdmin: boolean },
): Promise<VolumeTypeRow | undefined> {
  const found = await db
    .selectFrom('volume_types')
    .selectAll()
    .where((e) => e.or([e('id', '=', wanted), e('name', '=', wanted)]))
    .execute();
  const type = found.find(({ id }) => id === wanted) ?? found[0];
  if (!type || type.is_public === 1 || caller.isAdmin) return type;
  const access = await db
    .selectFrom('volume_type_access')
    .select('project_id')
    .where('volume_type_id', '=', type.id)
    .where('project_id', '=', caller.projectId ?? '')
    .executeTakeFirst();
  return access && type;
}

/** The project's own default, else the service's. */
export async function findDefaultType(
  db: Db,
  projectId: string,
  name: string,
): Promise<VolumeTypeRow | undefined> {
  const own = await db
    .selectFrom('default_types')
    .innerJoin('volume_types', 'volume_types.id', 'default_types.volume_type_id')
    .selectAll('volume_types')
    .where('default_types.project_id', '=', projectId)
    .executeTakeFirst();
  return own ?? db.selectFrom('volume_types').selectAll().where('name', '=', name).executeTakeFirst();
}

export async function findType(db: Db, id: string): Promise<VolumeTypeRow | undefined> {
  return db.selectFrom('volume_types').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listExtraSpecs(db: Db, typeId: string | null): Promise<Record<string, string>> {
  if (typeId === null) return {};
  const rows = await db
    .selectFrom('volume_type_extra_specs')
    .selectAll()
    .where('volume_type_id', '=', typeId)
    .execute();
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** `<is> True` in a type's extra specs. */
export const isSpecTrue = (value: string | undefined): boolean => /^<is>\s*true$/i.test(value ?? '');

/** Makes the type that every volume has which names none: there always is one. */
export async function seedDefaultType(db: Database<VolumeTables>, name: string, clock: Clock): Promise<void> {
  const known = await db.kysely
    .selectFrom('volume_types')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  if (known) return;
  const type: VolumeTypeRow = {
    id: crypto.randomUUID(),
    name,
    description: 'Default Volume Type',
    is_public: 1,
    qos_specs_id: null,
    created_at: isoTime(clock),
    updated_at: null,
  };
  try {
    await db.kysely.insertInto('volume_types').values(type).execute();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error; // another process of the service was faster
  }
}
