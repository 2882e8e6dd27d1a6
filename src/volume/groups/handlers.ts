// Groups: list, show, create, update. What makes or deletes several volumes has files of its own.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { nextPageLink, pageOf, type Listing, type RowPage } from '#volume/listing.ts';
import { readBoolean, readLike, refuseUnknownFilters, wantsAllProjects } from '#volume/paging.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import type { GroupRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { isSpecTrue } from '#volume/volumes/type-store.ts';
import {
  CONSISTENCY_GROUP_TYPE,
  CONSISTENT_SNAPSHOTS,
  findGroupType,
  type GroupType,
} from '../group_types/store.ts';
import { TypeNotFound } from '../types/errors.ts';
import { findType } from '../types/store.ts';
import { viewerOf } from '../types/handlers.ts';
import { canBeConsistent, isConsistent, refuseConsistencyGroup } from './consistency.ts';
import { findGenericGroup } from './find.ts';
import { REPLICATION } from './replication.ts';
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

/** The page of the project's groups that the query asks for, those of `fits` alone. */
export async function pageOfGroups(
  call: Call,
  deps: VolumeDeps,
  fits: (group: GroupRow) => boolean,
): Promise<RowPage<GroupRow>> {
  const all = wantsAllProjects(call, 'context_is_admin');
  const rows = await listGroupRows(
    deps.db.kysely,
    all ? (call.query.get('project_id') ?? undefined) : (call.principal.projectId ?? ''),
  );
  const fitting = rows.filter(
    (row) =>
      fits(row) &&
      FILTERS.every((name) => {
        const value = row[name] ?? '';
        return (call.query.get(name) ?? value) === value && value.includes(readLike(call, name) ?? '');
      }),
  );
  return pageOf(call.query, fitting, {
    what: 'Group',
    sortable: SORTABLE,
    maxLimit: deps.config.maxLimit,
  });
}

const listOf =
  (views: typeof detailViews) =>
  async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const known = [...FILTERS, 'name~', 'status~', 'list_volume'];
    refuseUnknownFilters(call, known, call.allows('context_is_admin'));
    const reserved = await findGroupType(deps.db.kysely, CONSISTENCY_GROUP_TYPE, { byName: true });
    const page = await pageOfGroups(call, deps, ({ group_type_id }) => group_type_id !== reserved?.id);
    return { groups: await views(call, deps, page.rows), ...nextPageLink(call, 'group', page) };
  };

export const listBrief = listOf(async (_call, _deps, rows) => rows.map(briefView));
export const listDetail = listOf(detailViews);

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const [group] = await detailViews(call, deps, [await findGenericGroup(call, deps, 'group:get')]);
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

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { group_type, ...asked } = (call.body as CreateBody).group;
  const type = await findGroupType(deps.db.kysely, group_type, { byName: true });
  if (!type || (type.is_public === 0 && !call.allows('context_is_admin')))
    throw new ResourceNotFound('Group type', group_type);
  await refuseConsistencyGroup(deps.db.kysely, type.id);
  return { group: briefView(await createGroup(call, deps, { ...asked, type })) };
}

/** Nothing of a group is on a backend: it is there at once. @throws InvalidInput for a type that no backend can be of */
export async function createGroup(
  call: Call,
  deps: VolumeDeps,
  { type, ...asked }: Omit<CreateBody['group'], 'group_type'> & { readonly type: GroupType },
): Promise<GroupRow> {
  const { projectId, userId } = call.principal;
  if (projectId === undefined) throw new InvalidInput('A group belongs to a project: the token is for none.');
  call.enforce('group:create', { project_id: projectId });
  await assertOffered(deps, type);
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
  return group;
}

async function assertOffered(deps: VolumeDeps, { name, specs }: GroupType): Promise<void> {
  const lacking = REPLICATION.find((spec) => isSpecTrue(specs[spec]));
  const missing =
    lacking ?? (isConsistent({ specs }) && !(await canBeConsistent(deps)) ? CONSISTENT_SNAPSHOTS : undefined);
  if (missing !== undefined)
    throw new InvalidInput(
      `Group type ${name} asks for ${missing}, which no backend here can do.`,
      'group-type-not-offered',
    );
}
