// Group snapshots: list, show, create, remove. A snapshot of each volume, each an operation of its own, begun in one transaction;
// `loops/settle-groups.ts` ends the whole, or undoes it.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { readLike, refuseUnknownFilters, wantsAllProjects } from '#volume/paging.ts';
import { volumeQueue, type GroupSnapshotMessage, type VolumeServiceRpc } from '#volume/rpc.ts';
import { createIn, deleteIn, recordIn } from '#volume/snapshots/begin.ts';
import type { GroupRow, GroupSnapshotRow, SnapshotRow, VolumeRow, VolumeTables } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { findType } from '#volume/volumes/type-store.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { InvalidGroup } from '../groups/errors.ts';
import { CONSISTENCY_GROUP_TYPE, findGroupType } from '../group_types/store.ts';
import { isConsistent, servicesOf } from '../groups/consistency.ts';
import { findGenericGroup } from '../groups/find.ts';
import { findGroupRow, listMembers } from '../groups/store.ts';
import { findGenericGroupSnapshot } from './find.ts';
import {
  findGroupSnapshotRow,
  insertGroupSnapshot,
  insertMemberSnapshot,
  isBeingCloned,
  listGroupSnapshotRows,
  listMemberSnapshots,
  removeGroupSnapshot,
  updateGroupSnapshot,
} from './store.ts';

const briefView = ({ id, name }: GroupSnapshotRow): Record<string, unknown> => ({ id, name: name ?? '' });

function detailView(row: GroupSnapshotRow, call: Call): Record<string, unknown> {
  const seesProject =
    atLeast(call.microversion, '3.58') &&
    call.allows('group:group_snapshot_project_attribute', { project_id: row.project_id });
  return {
    ...briefView(row),
    group_id: row.group_id,
    group_type_id: row.group_type_id,
    status: row.status,
    description: row.description,
    created_at: shownTime(row.created_at),
    ...(seesProject ? { project_id: row.project_id } : {}),
  };
}

const SORTABLE: Listing<GroupSnapshotRow>['sortable'] = {
  id: (row) => row.id,
  name: (row) => row.name,
  status: (row) => row.status,
  group_id: (row) => row.group_id,
  group_type_id: (row) => row.group_type_id,
  created_at: (row) => row.created_at,
};
const FILTERS = ['name', 'status', 'group_id'] as const;

/** Filters, orders and pages came with 3.29. */
const listOf =
  (view: (row: GroupSnapshotRow, call: Call) => unknown) =>
  async (call: Call, { db, config }: VolumeDeps): Promise<unknown> => {
    const query = atLeast(call.microversion, '3.29') ? call.query : new URLSearchParams();
    const all = wantsAllProjects(call, 'context_is_admin');
    const known = FILTERS.flatMap((name) => [name, `${name}~`]);
    refuseUnknownFilters(call, known, call.allows('context_is_admin'));
    const rows = await listGroupSnapshotRows(
      db.kysely,
      all ? (call.query.get('project_id') ?? undefined) : (call.principal.projectId ?? ''),
    );
    const reserved = await findGroupType(db.kysely, CONSISTENCY_GROUP_TYPE, { byName: true });
    const generic = rows.filter(({ group_type_id }) => group_type_id !== reserved?.id);
    const fitting = generic.filter((row) =>
      FILTERS.every((name) => {
        const value = row[name] ?? '';
        return (query.get(name) ?? value) === value && value.includes(readLike(call, name) ?? '');
      }),
    );
    const page = pageOf(query, fitting, {
      what: 'GroupSnapshot',
      sortable: SORTABLE,
      maxLimit: config.maxLimit,
    });
    return {
      group_snapshots: page.rows.map((row) => view(row, call)),
      ...nextPageLink(call, 'group_snapshot', page),
    };
  };

export const listBrief = listOf(briefView);
export const listDetail = listOf(detailView);

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return {
    group_snapshot: detailView(await findGenericGroupSnapshot(call, deps, 'group:get_group_snapshot'), call),
  };
}

interface CreateBody {
  readonly group_snapshot: {
    readonly group_id: string;
    readonly name?: string | null;
    readonly description?: string | null;
  };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { group_snapshot: asked } = call.body as CreateBody;
  const group = await findGenericGroup(call, deps, 'group:create_group_snapshot', asked.group_id);
  const taken = await createGroupSnapshot(call, deps, group, asked);
  return { group_snapshot: { ...briefView(taken), group_type_id: taken.group_type_id } };
}

/** Of each volume; at one moment where the group's type promises it. @throws InvalidGroup, InvalidVolume, VolumeQuotaExceeded */
export async function createGroupSnapshot(
  call: Call,
  deps: VolumeDeps,
  { id: groupId }: Pick<GroupRow, 'id'>,
  asked: Pick<CreateBody['group_snapshot'], 'name' | 'description'>,
): Promise<GroupSnapshotRow> {
  return deps.db.transaction(async (trx): Promise<GroupSnapshotRow> => {
    const group = await findGroupRow(trx, groupId);
    if (group?.status !== 'available')
      throw new InvalidGroup(
        `the status of group ${groupId} must be available, and is ${group?.status ?? 'deleted'}.`,
      );
    const members = await listMembers(trx, groupId);
    if (members.length === 0)
      throw new InvalidGroup(`group ${groupId} has no volumes that a snapshot could be taken of.`);
    const row: GroupSnapshotRow = {
      id: crypto.randomUUID(),
      group_id: groupId,
      project_id: group.project_id,
      user_id: call.principal.userId,
      request_id: call.requestId,
      name: asked.name ?? null,
      description: asked.description ?? null,
      status: 'creating',
      fault: null,
      group_type_id: group.group_type_id,
      created_at: isoTime(deps.clock),
      updated_at: null,
    };
    await insertGroupSnapshot(trx, row);
    await takeMembers(trx, call, deps, row, members);
    return row;
  });
}

async function takeMembers(
  trx: Executor<VolumeTables>,
  call: Call,
  deps: VolumeDeps,
  row: GroupSnapshotRow,
  volumes: readonly VolumeRow[],
): Promise<void> {
  const groupType = await findGroupType(trx, row.group_type_id);
  const together = groupType !== undefined && isConsistent(groupType);
  if (together && servicesOf(volumes).length > 1)
    throw new InvalidGroup(`the volumes of group ${row.group_id} lie with several volume services.`);
  const members: Array<GroupSnapshotMessage['members'][number]> = [];
  let queue = '';
  for (const volume of volumes) {
    const snapshot = memberOf(row, volume.id, volume.volume_type_id);
    const type = await findType(trx, volume.volume_type_id ?? '');
    const wanted = { snapshot, metadata: {}, typeName: type?.name ?? null, inUse: true };
    if (together) {
      const { host, ...member } = await recordIn(trx, call, deps, wanted);
      members.push(member);
      queue = volumeQueue(host);
    } else await createIn(trx, call, deps, wanted);
    await insertMemberSnapshot(trx, row.id, snapshot.id);
  }
  if (together)
    await enqueue(
      trx,
      rpcClient<VolumeServiceRpc>(deps.bus, queue).message('createGroupSnapshot', { members }),
    );
}

function memberOf(row: GroupSnapshotRow, volume_id: string, volume_type_id: string | null): SnapshotRow {
  return {
    id: crypto.randomUUID(),
    volume_id,
    project_id: row.project_id,
    user_id: row.user_id,
    name: row.name,
    description: row.description,
    volume_size: 0, // written as it is when it is begun
    status: 'creating',
    progress: '0%',
    volume_type_id,
    internal: 0,
    fault: null,
    created_at: row.created_at,
    updated_at: null,
  };
}

const DELETABLE = ['available', 'error', 'error_deleting'];

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const taken = await findGenericGroupSnapshot(call, deps, 'group:delete_group_snapshot');
  await deleteGroupSnapshot(call, deps, taken);
}

/** @throws InvalidGroup */
export async function deleteGroupSnapshot(
  call: Call,
  deps: VolumeDeps,
  { id }: Pick<GroupSnapshotRow, 'id'>,
): Promise<void> {
  await deps.db.transaction(async (trx) => {
    const row = await findGroupSnapshotRow(trx, id);
    if (!row) throw new ResourceNotFound('GroupSnapshot', id);
    if (!DELETABLE.includes(row.status))
      throw new InvalidGroup(
        `the status of group snapshot ${id} must be available or error, and is ${row.status}.`,
      );
    if (await isBeingCloned(trx, id))
      throw new InvalidGroup(`a group is being made of group snapshot ${id}.`);
    for (const snapshot of await listMemberSnapshots(trx, id))
      if (snapshot.status !== 'deleting')
        await deleteIn(trx, call, deps, snapshot.id, { force: false, withGroup: true });
    if ((await listMemberSnapshots(trx, id)).length === 0) return removeGroupSnapshot(trx, id);
    await updateGroupSnapshot(trx, id, { status: 'deleting', fault: null, updated_at: isoTime(deps.clock) });
  });
}
