// The one statement behind lists of volumes, their count and their sum.
import { sql, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import type { Executor } from '#platform/sql/database.ts';
import { afterMarker, orderOf, type Page } from '#volume/paging.ts';
import type { VolumeRow, VolumeTables } from '#volume/tables.ts';
import type { TimeOperator } from '#volume/times.ts';
import { derivedStatus } from './store.ts';

type Db = Executor<VolumeTables>;

export interface VolumeFilters {
  /** Undefined: of every project. */
  readonly projectId?: string | undefined;
  /** Column → value, exact. */
  readonly equal: Readonly<Record<string, string | number>>;
  readonly groupId?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly nameLike?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly imageMetadata: Readonly<Record<string, string>>;
  readonly times: ReadonlyArray<{
    readonly column: 'created_at' | 'updated_at';
    readonly operator: TimeOperator;
    readonly time: string;
  }>;
}

type Query<O> = SelectQueryBuilder<VolumeTables, 'volumes', O>;

function filtered<O>(query: Query<O>, filters: VolumeFilters): Query<O> {
  let narrowed = query;
  if (filters.projectId !== undefined)
    narrowed = narrowed.where('volumes.project_id', '=', filters.projectId);
  for (const [column, value] of Object.entries(filters.equal))
    narrowed = narrowed.where(sql.ref(`volumes.${column}`), '=', value);
  if (filters.groupId !== undefined)
    narrowed = narrowed.where(
      sql<boolean>`exists (select 1 from group_members g where g.volume_id = volumes.id and g.group_id = ${filters.groupId})`,
    );
  if (filters.statuses) narrowed = narrowed.where(derivedStatus, 'in', filters.statuses);
  if (filters.nameLike !== undefined)
    narrowed = narrowed.where(
      sql<boolean>`volumes.name like ${`%${filters.nameLike.replaceAll(/[%_!]/g, '!$&')}%`} escape '!'`,
    );
  for (const [table, entries] of [
    ['volume_metadata', filters.metadata],
    ['volume_image_metadata', filters.imageMetadata],
  ] as const)
    for (const [key, value] of Object.entries(entries))
      narrowed = narrowed.where(
        sql<boolean>`exists (select 1 from ${sql.table(table)} m where m.volume_id = volumes.id and m.key = ${key} and m.value = ${value})`,
      );
  for (const { column, operator, time } of filters.times)
    narrowed = narrowed.where(sql<boolean>`volumes.${sql.ref(column)} ${sql.raw(operator)} ${time}`);
  return narrowed;
}

export const SORTABLE = [
  'id',
  'name',
  'status',
  'size',
  'created_at',
  'updated_at',
  'bootable',
  'availability_zone',
  'host',
  'project_id',
  'user_id',
  'description',
  'volume_type_id',
  'snapshot_id',
  'source_volid',
  'migration_status',
  'multiattach',
  'launched_at',
] as const;

function column(key: string): RawBuilder<unknown> {
  if (key === 'status') return derivedStatus;
  if (key === 'size' || key === 'bootable' || key === 'multiattach') return sql`volumes.${sql.ref(key)}`;
  return sql`coalesce(volumes.${sql.ref(key)}, '')`;
}

/** Undefined when the marker is none of them. */
export async function listVolumeRows(
  db: Db,
  filters: VolumeFilters,
  page: Page,
): Promise<VolumeRow[] | undefined> {
  let query = filtered(db.selectFrom('volumes').selectAll(), filters);
  if (page.marker !== undefined) {
    const values = await markerValues(db, filters, page);
    if (!values) return undefined;
    query = query.where(afterMarker(page.sort, column, values));
  }
  for (const order of orderOf(page.sort, column)) query = query.orderBy(order);
  return query.limit(page.limit).offset(page.offset).execute();
}

async function markerValues(
  db: Db,
  { projectId }: VolumeFilters,
  { marker = '', sort }: Page,
): Promise<Record<string, unknown> | undefined> {
  let query = db
    .selectFrom('volumes')
    .select(sort.map(({ key }) => sql<unknown>`${column(key)}`.as(key)))
    .where('volumes.id', '=', marker);
  if (projectId !== undefined) query = query.where('volumes.project_id', '=', projectId);
  return query.executeTakeFirst();
}

export async function sumVolumeRows(
  db: Db,
  filters: VolumeFilters,
): Promise<{ count: number; size: number }> {
  const row = await filtered(
    db
      .selectFrom('volumes')
      .select((e) => [
        e.fn.countAll<number>().as('count'),
        sql<number>`coalesce(sum(volumes.size), 0)`.as('size'),
      ]),
    filters,
  ).executeTakeFirstOrThrow();
  return { count: Number(row.count), size: Number(row.size) };
}

/** Keys and values that the metadata of the volumes has. */
export async function listMetadataOf(
  db: Db,
  filters: VolumeFilters,
): Promise<Array<{ key: string; value: string }>> {
  return db
    .selectFrom('volume_metadata')
    .select(['key', 'value'])
    .distinct()
    .where('volume_id', 'in', filtered(db.selectFrom('volumes').select('volumes.id'), filters))
    .orderBy('key')
    .orderBy('value')
    .execute();
}
