// POST /groups/action create-from-src (3.14): a group of clones, of another group's volumes or of a group snapshot. Each clone is
// an operation of its own, begun in one transaction; `loops/settle-groups.ts` ends the group, or undoes it.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { newKeyFor } from '#volume/keys/keys.ts';
import { listKeyIds } from '#volume/keys/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import type { EncryptionKeyRow, GroupRow, SnapshotRow, VolumeRow } from '#volume/tables.ts';
import { beginNewVolume } from '#volume/volumes/create.ts';
import { statusOf } from '#volume/volumes/status.ts';
import { findWholeVolume } from '#volume/volumes/store.ts';
import { findType } from '#volume/volumes/type-store.ts';
import { findGenericGroupSnapshot, findGroupSnapshot } from '../../group_snapshots/find.ts';
import { listMemberSnapshots } from '../../group_snapshots/store.ts';
import { GroupNotFound, InvalidGroup } from '../errors.ts';
import { findGenericGroup, findGroup } from '../find.ts';
import { briefView } from '../handlers.ts';
import { findGroupRow, insertGroup, listGroupVolumeTypes, listMembers } from '../store.ts';

interface Body {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly group_snapshot_id?: string | null;
  readonly source_group_id?: string | null;
}

/** What a group is made of; each with the snapshot that it is a clone of, if it is one of a snapshot. */
interface Model {
  readonly group: GroupRow;
  readonly groupSnapshotId: string | null;
  readonly sources: ReadonlyArray<{ readonly volumeId: string; readonly snapshot?: SnapshotRow }>;
}

export async function createFromSource(call: Call, deps: VolumeDeps): Promise<unknown> {
  const body = (call.body as { 'create-from-src': Body })['create-from-src'];
  const { group_snapshot_id: snapshotId, source_group_id: groupId } = body;
  if (groupId) await findGenericGroup(call, deps, 'group:get', groupId);
  else if (snapshotId) await findGenericGroupSnapshot(call, deps, 'group:get_group_snapshot', snapshotId);
  return { group: briefView(await cloneGroup(call, deps, body)) };
}

/** @throws InvalidInput, InvalidGroup; GroupNotFound, or what is thrown for a group snapshot that is not there */
export async function cloneGroup(call: Call, deps: VolumeDeps, body: Body): Promise<GroupRow> {
  const { projectId, userId } = call.principal;
  if (projectId === undefined) throw new InvalidInput('A group belongs to a project: the token is for none.');
  call.enforce('group:create', { project_id: projectId });
  const model = await modelOf(call, deps, body);
  if (model.sources.length === 0) throw new InvalidGroup('its source has no volumes.');
  const group: GroupRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    user_id: userId,
    request_id: call.requestId,
    name: body.name ?? null,
    description: body.description ?? null,
    status: 'creating',
    fault: null,
    group_type_id: model.group.group_type_id,
    availability_zone: model.group.availability_zone,
    group_snapshot_id: model.groupSnapshotId,
    source_group_id: model.groupSnapshotId === null ? model.group.id : null,
    created_at: isoTime(deps.clock),
    updated_at: null,
  };
  const keys = await keysFor(deps, model);
  await deps.db.transaction(async (trx) => {
    await assertVolumeQuota(trx, projectId, { groups: 1 });
    const types = (await listGroupVolumeTypes(trx, [model.group.id])).get(model.group.id) ?? [];
    await insertGroup(trx, group, types);
    for (const source of model.sources) {
      const whole = await findWholeVolume(trx, source.volumeId);
      const status = whole ? statusOf(whole.volume, whole.attachments) : 'deleted';
      if (!whole || (!source.snapshot && status !== 'available' && status !== 'in-use'))
        throw new InvalidGroup(`its volume ${source.volumeId} is ${status}, and can not be cloned.`);
      const type = await findType(trx, whole.volume.volume_type_id ?? '');
      const volume = cloneOf(whole.volume, source.snapshot, group);
      const key = keys.get(source.volumeId);
      await beginNewVolume(trx, call, deps, {
        volume,
        key: key && { ...key, owner_id: volume.id },
        type,
        source: {
          bootable: whole.volume.bootable === 1,
          imageMetadata: whole.imageMetadata,
          typeId: whole.volume.volume_type_id,
          zone: whole.volume.availability_zone,
          defaultSize: undefined,
          leastSize: 1,
          leastSizeOf: 'its source',
        },
        metadata: whole.metadata,
        groupId: group.id,
      });
    }
  });
  return group;
}

/** New keys for clones of encrypted volumes: whoever opens a clone can not open its source with that. */
async function keysFor(deps: VolumeDeps, { sources }: Model): Promise<Map<string, EncryptionKeyRow>> {
  const ids = sources.map(({ volumeId }) => volumeId);
  const encrypted = [...(await listKeyIds(deps.db.kysely, ids)).keys()];
  return new Map(await Promise.all(encrypted.map(async (id) => [id, await newKeyFor(deps, id)] as const)));
}

async function modelOf(call: Call, deps: VolumeDeps, body: Body): Promise<Model> {
  const { group_snapshot_id, source_group_id } = body;
  if (Boolean(group_snapshot_id) === Boolean(source_group_id))
    throw new InvalidInput('Either group_snapshot_id or source_group_id must be given, and not both.');
  if (source_group_id) {
    const group = await findGroup(call, deps, 'group:get', source_group_id);
    if (group.status !== 'available')
      throw new InvalidGroup(`the status of ${group.id} must be available, and is ${group.status}.`);
    const members = await listMembers(deps.db.kysely, group.id);
    return { group, groupSnapshotId: null, sources: members.map(({ id }) => ({ volumeId: id })) };
  }
  const taken = await findGroupSnapshot(call, deps, 'group:get_group_snapshot', group_snapshot_id ?? '');
  if (taken.status !== 'available')
    throw new InvalidGroup(
      `the status of group snapshot ${taken.id} must be available, and is ${taken.status}.`,
    );
  const group = await findGroupRow(deps.db.kysely, taken.group_id);
  if (!group) throw new GroupNotFound(taken.group_id);
  const snapshots = await listMemberSnapshots(deps.db.kysely, taken.id);
  const sources = snapshots.map((snapshot) => ({ volumeId: snapshot.volume_id, snapshot }));
  return { group, groupSnapshotId: taken.id, sources };
}

/** As its source, and fresh. */
function cloneOf(source: VolumeRow, snapshot: SnapshotRow | undefined, group: GroupRow): VolumeRow {
  return {
    ...source,
    id: crypto.randomUUID(),
    project_id: group.project_id,
    user_id: group.user_id,
    name: null,
    description: null,
    size: snapshot?.volume_size ?? source.size,
    lifecycle: 'creating',
    fault: null,
    forced_status: null,
    host: null,
    readonly: 0,
    snapshot_id: snapshot?.id ?? null,
    source_volid: snapshot ? null : source.id,
    image_id: null,
    backup_id: null,
    scheduler_hints_json: '{}',
    bytes_copied: null,
    placement_json: null,
    migration_status: null,
    created_at: group.created_at,
    updated_at: null,
    launched_at: null,
  };
}
