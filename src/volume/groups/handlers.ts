// Groups: list, show, create, update. What makes or deletes several volumes has files of its own.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { readBoolean, readLike, refuseUnknownFilters, wantsAllProjects } from '#volume/paging.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import type { GroupRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { isSpecTrue } from '#volume/volumes/type-store.ts';
import { findGroupType, type GroupType } from '../group_types/store.ts';
import { TypeNotFound } from '../types/errors.ts';
import { findType } from '../types/store.ts';
import { viewerOf } from '../types/handlers.ts';
import { findGroup } from './find.ts';
import { insertGroup, listGroupRows, listGroupVolumeTypes, listMemberIds } from './store.ts';

export const briefView = ({ id, name }: Pick<GroupRow, 'id' | 'name'>): Record<string, unknown> => ({
  id,
  name: name ?? '',
});

/** Views of groups with what lies beside their rows: two statements, however many they are. */
async function detailViews(
  call: Call,
  { db }: VolumeDeps,
  rows: readonly GroupRow[],
): Promise<Array<Record<string, unknown>>> {
  const ids = rows.map(({ id }) => id);
  const types = await listGroupVolumeTypes(db.kysely, ids);
  const list = call.query.get('list_volume');
  const withVolumes = atLeast(call.microversion, '3.25') && list !== null && readBoolean('list_volume', list);
  const volumes = withVolumes ? await listMemberIds(db.kysely, ids) : new Map<string, string[]>();
  const since = (version: `${number}.${number}`, fields: Record<string, unknown>): Record<string, unknown> =>
    atLeast(call.microversion, version) ? fields : {};
  return rows.map((row) => ({
    ...briefView(row),
    status: row.status,
    description: row.description,
    availability_zone: row.availability_zone,
    created_at: shownTime(row.created_at),
    group_type: row.group_type_id,
    volume_types: types.get(row.id) ?? [],
    ...since('3.14', {
      group_snapshot_id: row.group_snapshot_id,
      source_group_id: row.source_group_id,
    }),
    ...(withVolumes ? { volumes: volumes.get(row.id) ?? [] } : {}),
    ...since('3.38', { replication_status: 'disabled' }),
    ...(call.allows('group:group_project_attribute', { project_id: row.project_id })
      ? since('3.58', { project_id: row.project_id })
      : {}),
  }));
}

const SORTABLE: Listing<GroupRow>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  status: (row) => row.status,
  created_at: (row) => row.created_at,
  group_type_id: (row) => row.group_type_id,
  availability_zone: (row) => row.availability_zone,
};
const FILTERS = ['name', 'status'] as const;

const listOf =
  (views: typeof detailViews) =>
  async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const all = wantsAllProjects(call, 'context_is_admin');
    refuseUnknownFilters(call, [...FILTERS, 'name~', 'status~', 'list_volume', 'project_id'], all);
    const rows = await listGroupRows(
      deps.db.kysely,
      all ? (call.query.get('project_id') ?? undefined) : (call.principal.projectId ?? ''),
    );
    const fitting = rows.filter((row) =>
      FILTERS.every((name) => {
        const value = row[name] ?? '';
        return (call.query.get(name) ?? value) === value && value.includes(readLike(call, name) ?? '');
      }),
    );
    const page = pageOf(call.query, fitting, {
      what: 'Group',
      sortable: SORTABLE,
      maxLimit: deps.config.maxLimit,
    });
    return { groups: await views(call, deps, page.rows), ...nextPageLink(call, 'group', page) };
  };

export const listBrief = listOf(async (_call, _deps, rows) => rows.map(briefView));
export const listDetail = listOf(detailViews);

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const [group] = await detailViews(call, deps, [await findGroup(call, deps, 'group:get')]);
  return { group };
}

interface CreateBody {
  readonly group: {
    readonly name?: string | null;
    readonly description?: string | null;
    readonly group_type: string;
    readonly volume_types: readonly string[];
    readonly availability_zone?: string | null;
  };
}

/** Nothing of a group is on a backend: it is there at once. */
export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { group: asked } = call.body as CreateBody;
  const { projectId, userId } = call.principal;
  if (projectId === undefined) throw new InvalidInput('A group belongs to a project: the token is for none.');
  call.enforce('group:create', { project_id: projectId });
  const type = await groupTypeOf(call, deps, asked.group_type);
  const typeIds = new Set<string>();
  for (const wanted of asked.volume_types) {
    const found = await findType(deps.db.kysely, wanted, viewerOf(call), { byName: true });
    if (!found) throw new TypeNotFound(wanted);
    typeIds.add(found.id);
  }
  const group: GroupRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    user_id: userId,
    request_id: call.requestId,
    name: asked.name ?? null,
    description: asked.description ?? null,
    status: 'available',
    fault: null,
    group_type_id: type.id,
    availability_zone: asked.availability_zone ?? deps.config.defaultAvailabilityZone,
    group_snapshot_id: null,
    source_group_id: null,
    created_at: isoTime(deps.clock),
    updated_at: null,
  };
  await deps.db.transaction(async (trx) => {
    await assertVolumeQuota(trx, projectId, { groups: 1 });
    await insertGroup(trx, group, [...typeIds]);
  });
  return { group: briefView(group) };
}

/** @throws InvalidInput for a type that asks for what no backend can do */
async function groupTypeOf(call: Call, { db }: VolumeDeps, idOrName: string): Promise<GroupType> {
  const type = await findGroupType(db.kysely, idOrName, { byName: true });
  if (!type || (type.is_public === 0 && !call.allows('context_is_admin')))
    throw new ResourceNotFound('Group type', idOrName);
  for (const promise of PROMISES)
    if (isSpecTrue(type.specs[promise]))
      throw new InvalidInput(
        `Group type ${type.name} asks for ${promise}, which no backend here can do.`,
        'group-type-not-offered',
      );
  return type;
}

/** No backend here stops several volumes at one moment, or replicates them. */
const PROMISES = [
  'consistent_group_snapshot_enabled',
  'group_replication_enabled',
  'consistent_group_replication_enabled',
];
