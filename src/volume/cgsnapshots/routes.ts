// `/cgsnapshots`: snapshots of consistency groups, which are those of groups under their older name.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { pageOf } from '#volume/listing.ts';
import { nameSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import type { GroupSnapshotRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { findGroupSnapshot } from '../group_snapshots/find.ts';
import { createGroupSnapshot, deleteGroupSnapshot } from '../group_snapshots/handlers.ts';
import { listGroupSnapshotRows } from '../group_snapshots/store.ts';
import { findGroup } from '../groups/find.ts';

const briefView = ({ id, name }: GroupSnapshotRow): Record<string, unknown> => ({ id, name });

const detailView = (row: GroupSnapshotRow): Record<string, unknown> => ({
  ...briefView(row),
  consistencygroup_id: row.group_id,
  status: row.status,
  created_at: shownTime(row.created_at),
  description: row.description,
});

/** Newest first; of the query, `limit` and `offset` alone are read. */
const listOf =
  (view: (row: GroupSnapshotRow) => unknown) =>
  async (call: Call, { db, config }: VolumeDeps): Promise<unknown> => {
    const rows = await listGroupSnapshotRows(db.kysely, call.principal.projectId ?? '');
    const query = new URLSearchParams(
      [...call.query].filter(([name]) => name === 'limit' || name === 'offset'),
    );
    const sortable = { created_at: ({ created_at }: GroupSnapshotRow) => created_at };
    const page = pageOf(query, rows, { what: 'CgSnapshot', sortable, maxLimit: config.maxLimit });
    return { cgsnapshots: page.rows.map(view) };
  };

async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { cgsnapshot: detailView(await findGroupSnapshot(call, deps, 'group:get_group_snapshot')) };
}

interface CreateBody {
  readonly cgsnapshot: {
    readonly consistencygroup_id: string;
    readonly name?: string | null;
    readonly description?: string | null;
  };
}

async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { consistencygroup_id, name, description } = (call.body as CreateBody).cgsnapshot;
  const group = await findGroup(call, deps, 'group:create_group_snapshot', consistencygroup_id);
  const asked = { name: name?.trim() ?? null, description: description?.trim() ?? null };
  return { cgsnapshot: briefView(await createGroupSnapshot(call, deps, group, asked)) };
}

async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const taken = await findGroupSnapshot(call, deps, 'group:delete_group_snapshot');
  await deleteGroupSnapshot(call, deps, taken);
}

const text = Type.Optional(orNull(nameSchema));
const createBody = Type.Object(
  {
    cgsnapshot: Type.Object(
      {
        consistencygroup_id: uuidSchema,
        name: text,
        description: text,
        // Clients send these, and nobody reads them.
        user_id: text,
        project_id: text,
        status: text,
      },
      strict,
    ),
  },
  strict,
);

const path = '/cgsnapshots';
const policy = 'group:get_all_group_snapshots';

export const cgsnapshotRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: listOf(briefView), policy },
  { method: 'GET', path: `${path}/detail`, handler: listOf(detailView), policy },
  { method: 'POST', path, handler: create, body: createBody, success: 202, errors: [413] },
  { method: 'GET', path: `${path}/:id`, handler: show },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 202 },
];
