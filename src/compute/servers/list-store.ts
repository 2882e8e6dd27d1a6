// The SQL of server lists: filters, order and paging in one statement, or two when a pattern must be matched here.
import { sql, type Expression, type ExpressionBuilder, type SelectQueryBuilder, type SqlBool } from 'kysely';
import type { ComputeExecutor } from '#compute/deps.ts';
import type { ComputeTables, InstanceRow } from '#compute/tables.ts';
import type { Matching } from './patterns.ts';
import type { StatePattern } from './states.ts';

/** Columns that a view never shows or only one of a single server; left out, they may be 64 KiB each. */
type Omitted =
  | 'user_data'
  | 'networks_json'
  | 'image_json'
  | 'system_metadata_json'
  | 'admin_password'
  | 'public_key';
export type ListedRow = Omit<InstanceRow, Omitted> & { readonly user_data?: string | null };

const LISTED = [
  'id', 'project_id', 'user_id', 'name', 'description', 'hostname', 'vm_state', 'task_state', 'power_state', 'host', 'node',
  'availability_zone', 'requested_zone', 'requested_host', 'flavor_id', 'flavor_json', 'image_id', 'kernel_id', 'ramdisk_id',
  'root_device_name', 'key_name', 'key_type', 'config_drive', 'metadata_json', 'scheduler_hints_json', 'server_group_id',
  'security_groups_json', 'vifs_json', 'disk_config', 'access_ip_v4', 'access_ip_v6', 'locked', 'locked_reason', 'locked_by',
  'progress', 'fault_json', 'reservation_id', 'launch_index', 'created_at', 'updated_at', 'launched_at', 'terminated_at',
  'deleted', 'deleted_at',
] as const satisfies ReadonlyArray<keyof ListedRow>; // prettier-ignore

export interface SortKey {
  readonly column: keyof InstanceRow & string;
  readonly direction: 'asc' | 'desc';
}

export interface ServerQuery {
  /** Each column must have one of its values. */
  readonly equal: ReadonlyArray<
    readonly [column: keyof InstanceRow & string, values: ReadonlyArray<string | number | null>]
  >;
  readonly states: readonly StatePattern[] | undefined;
  /** Also those that can be restored. */
  readonly withSoftDeleted: boolean;
  readonly changesSince: string | undefined;
  readonly changesBefore: string | undefined;
  readonly allTags: readonly string[];
  readonly anyTag: readonly string[];
  readonly notAllTags: readonly string[];
  readonly notAnyTag: readonly string[];
  /** A condition that SQL can't judge. */
  readonly matches: Matching | undefined;
  readonly sort: readonly SortKey[];
  readonly limit: number;
  readonly marker: string | undefined;
  readonly withUserData: boolean;
}

/** @returns `undefined` when the marker is no server of the list. */
export async function listInstances(
  db: ComputeExecutor,
  query: ServerQuery,
): Promise<ListedRow[] | undefined> {
  const marker = query.marker === undefined ? undefined : await findMarker(db, query.marker, query);
  if (query.marker !== undefined && !marker) return undefined;
  let select = db.selectFrom('instances').where((eb) => conditions(eb, query, marker));
  for (const { column, direction } of query.sort) select = select.orderBy(ordered(column), direction);
  if (!query.matches) return columnsOf(select, query).limit(query.limit).execute() as Promise<ListedRow[]>;
  const { columns, test } = query.matches;
  const candidates = await select.select([...new Set(['id' as const, ...columns])]).execute();
  const ids: string[] = [];
  for (const row of candidates) {
    if (ids.length === query.limit) break;
    if (test(row)) ids.push(row.id);
  }
  if (ids.length === 0) return [];
  const chosen = db.selectFrom('instances').where('id', 'in', ids);
  const rows = (await columnsOf(chosen, query).execute()) as ListedRow[];
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

function columnsOf(
  select: SelectQueryBuilder<ComputeTables, 'instances', unknown>,
  query: ServerQuery,
): SelectQueryBuilder<ComputeTables, 'instances', Partial<InstanceRow>> {
  return select.select(query.withUserData ? [...LISTED, 'user_data'] : [...LISTED]);
}

/** Also one that is deleted or that the filters would leave out by now, but none of a project that is not listed. */
async function findMarker(
  db: ComputeExecutor,
  id: string,
  { equal }: ServerQuery,
): Promise<InstanceRow | undefined> {
  const projects = equal.filter(([column]) => column === 'project_id');
  return db
    .selectFrom('instances')
    .selectAll()
    .where('id', '=', id)
    .where((eb) => eb.and(projects.map(([column, values]) => oneOf(eb, column, values))))
    .executeTakeFirst();
}

const NUMBERS: ReadonlySet<string> = new Set([
  'power_state',
  'launch_index',
  'locked',
  'config_drive',
  'progress',
]);
const NULLABLE: ReadonlySet<string> = new Set([
  'description', 'task_state', 'host', 'node', 'availability_zone', 'image_id', 'kernel_id', 'ramdisk_id', 'key_name',
  'access_ip_v4', 'access_ip_v6', 'updated_at', 'launched_at', 'terminated_at', 'locked_by', 'locked_reason',
]); // prettier-ignore

/** Nulls sort as empty text, on both engines alike. */
function ordered(column: string): Expression<string | number> {
  return NULLABLE.has(column) ? sql<string>`coalesce(${sql.ref(column)}, '')` : sql.ref<string>(column);
}

type Builder = ExpressionBuilder<ComputeTables, 'instances'>;

function conditions(eb: Builder, query: ServerQuery, marker: InstanceRow | undefined): Expression<SqlBool> {
  const all: Expression<SqlBool>[] = query.equal.map(([column, values]) => oneOf(eb, column, values));
  if (query.states) all.push(eb.or(query.states.map((pattern) => hasState(eb, pattern))));
  if (!query.withSoftDeleted) all.push(eb('vm_state', '!=', 'soft-delete'));
  const changed = sql<string>`coalesce(updated_at, created_at)`;
  if (query.changesSince !== undefined) all.push(eb(changed, '>=', query.changesSince));
  if (query.changesBefore !== undefined) all.push(eb(changed, '<=', query.changesBefore));
  for (const tag of query.allTags) all.push(hasTag(eb, [tag]));
  if (query.anyTag.length > 0) all.push(hasTag(eb, query.anyTag));
  if (query.notAllTags.length > 0) all.push(eb.not(eb.and(query.notAllTags.map((tag) => hasTag(eb, [tag])))));
  if (query.notAnyTag.length > 0) all.push(eb.not(hasTag(eb, query.notAnyTag)));
  if (marker) all.push(after(eb, query.sort, marker));
  return eb.and(all);
}

function oneOf(
  eb: Builder,
  column: keyof InstanceRow & string,
  values: ReadonlyArray<string | number | null>,
): Expression<SqlBool> {
  const present = values.filter((value) => value !== null);
  const parts: Expression<SqlBool>[] = [];
  if (present.length > 0) parts.push(eb(sql.ref<string | number>(column), 'in', present));
  if (present.length < values.length) parts.push(eb(sql.ref(column), 'is', null));
  return eb.or(parts);
}

function hasState(eb: Builder, pattern: StatePattern): Expression<SqlBool> {
  const vm = eb('vm_state', '=', pattern.vm_state);
  if (pattern.tasks !== 'default') return eb.and([vm, eb('task_state', 'in', pattern.tasks)]);
  if (pattern.otherThan.length === 0) return vm;
  return eb.and([vm, eb.or([eb('task_state', 'is', null), eb('task_state', 'not in', pattern.otherThan)])]);
}

function hasTag(eb: Builder, tags: readonly string[]): Expression<SqlBool> {
  return eb.exists(
    eb
      .selectFrom('instance_tags')
      .select('tag')
      .whereRef('instance_tags.instance_id', '=', 'instances.id')
      .where('tag', 'in', tags),
  );
}

/** Rows behind `marker` in the order of `sort`, whose last key is the id. */
function after(eb: Builder, sort: readonly SortKey[], marker: InstanceRow): Expression<SqlBool> {
  const valueOf = (column: keyof InstanceRow): string | number =>
    marker[column] ?? (NUMBERS.has(column) ? 0 : '');
  return eb.or(
    sort.map(({ column, direction }, index) =>
      eb.and([
        ...sort.slice(0, index).map((key) => eb(ordered(key.column), '=', valueOf(key.column))),
        eb(ordered(column), direction === 'asc' ? '>' : '<', valueOf(column)),
      ]),
    ),
  );
}
