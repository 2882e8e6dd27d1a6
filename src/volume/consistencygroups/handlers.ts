// Consistency groups: the older face of groups, whose snapshots are taken at one moment. It makes groups of a type of their own,
// which `/groups` leaves alone, and shows all groups.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { nextPageLink } from '#volume/listing.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { GroupRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { CONSISTENCY_GROUP_TYPE, findGroupType } from '../group_types/store.ts';
import { cloneGroup } from '../groups/actions/create-from-src.ts';
import { deleteGroup } from '../groups/actions/delete.ts';
import { findGroup } from '../groups/find.ts';
import { createGroup, pageOfGroups } from '../groups/handlers.ts';
import { listGroupVolumeTypes } from '../groups/store.ts';
import { updateGroupWith } from '../groups/update.ts';

const briefView = ({ id, name }: GroupRow): Record<string, unknown> => ({ id, name });

async function detailViews({ db }: VolumeDeps, rows: readonly GroupRow[]): Promise<unknown[]> {
  const types = await listGroupVolumeTypes(
    db.kysely,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    ...briefView(row),
    status: row.status,
    availability_zone: row.availability_zone,
    created_at: shownTime(row.created_at),
    description: row.description,
    volume_types: types.get(row.id) ?? [],
  }));
}

const listOf =
  (views: typeof detailViews) =>
  async (call: Call, deps: VolumeDeps): Promise<unknown> => {
    const page = await pageOfGroups(call, deps, () => true);
    return {
      consistencygroups: await views(deps, page.rows),
      ...nextPageLink(call, 'consistencygroup', page),
    };
  };

export const listBrief = listOf(async (_deps, rows) => rows.map(briefView));
export const listDetail = listOf(detailViews);

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const [consistencygroup] = await detailViews(deps, [await findGroup(call, deps, 'group:get')]);
  return { consistencygroup };
}

interface Named {
  readonly name?: string | null;
  readonly description?: string | null;
}

interface CreateBody {
  readonly consistencygroup: Named & {
    /** Names or ids with commas between. */
    readonly volume_types?: string | null;
    readonly availability_zone?: string | null;
  };
}

/** As given, without the spaces around. */
const trimmed = ({ name, description }: Named): Named => ({
  ...(name === undefined ? {} : { name: name?.trim() ?? null }),
  ...(description === undefined ? {} : { description: description?.trim() ?? null }),
});

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { consistencygroup: asked } = call.body as CreateBody;
  const volume_types = (asked.volume_types ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  if (volume_types.length === 0)
    throw new InvalidInput('volume_types must be provided to create a consistency group.');
  const type = await findGroupType(deps.db.kysely, CONSISTENCY_GROUP_TYPE, { byName: true });
  if (!type) throw new InvalidInput(`Group type ${CONSISTENCY_GROUP_TYPE} not found.`);
  const { availability_zone = null } = asked;
  const fields = { ...trimmed(asked), volume_types, availability_zone };
  return { consistencygroup: briefView(await createGroup(call, deps, { ...fields, type })) };
}

interface FromSourceBody {
  readonly 'consistencygroup-from-src': Named & {
    readonly cgsnapshot_id?: string | null;
    readonly source_cgid?: string | null;
  };
}

export async function createFromSource(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { 'consistencygroup-from-src': asked } = call.body as FromSourceBody;
  const source = {
    group_snapshot_id: asked.cgsnapshot_id ?? null,
    source_group_id: asked.source_cgid ?? null,
  };
  return { consistencygroup: briefView(await cloneGroup(call, deps, { ...trimmed(asked), ...source })) };
}

interface UpdateBody {
  readonly consistencygroup: Named & {
    readonly add_volumes?: string | null;
    readonly remove_volumes?: string | null;
  };
}

/** Before 3.6, an empty name or description is none. */
export async function update(call: Call, deps: VolumeDeps): Promise<void> {
  const { consistencygroup: asked } = call.body as UpdateBody;
  const group = await findGroup(call, deps, 'group:update');
  const { name, description } = trimmed(asked);
  const isGiven = (text: string | null | undefined): boolean =>
    atLeast(call.microversion, '3.6') ? text !== null && text !== undefined : Boolean(text);
  const changes = {
    ...(isGiven(name) ? { name: name ?? '' } : {}),
    ...(isGiven(description) ? { description: description ?? '' } : {}),
    add_volumes: asked.add_volumes ?? null,
    remove_volumes: asked.remove_volumes ?? null,
  };
  await updateGroupWith(deps, group, changes);
}

/** Forced: with its volumes. */
export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const group = await findGroup(call, deps, 'group:delete');
  const { consistencygroup } = call.body as { consistencygroup: { readonly force?: unknown } };
  await deleteGroup(call, deps, group, isTrue(consistencygroup.force ?? false));
}
