// The attachments API (3.27): reserve, export, complete, end. A volume's status follows from these rows.
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { AttachmentNotFound, InvalidInput } from '#volume/errors.ts';
import { nextLinks, readLike, readPage, refuseUnknownFilters, wantsAllProjects } from '#volume/paging.ts';
import { VOLUME_CHANGED } from '#volume/rpc.ts';
import type { AttachmentRow } from '#volume/tables.ts';
import { findVolume } from '#volume/volumes/find.ts';
import { assertUnused } from './assert-unused.ts';
import { findAttachment } from './find.ts';
import { connectAttachment, type GivenConnector } from './connect.ts';
import { release, reserve } from './reserve.ts';
import { seesConnections } from './sight.ts';
import { findAttachmentRow, listAttachmentRows, listOfVolume, SORTABLE } from './store.ts';
import { briefView, detailView } from './view.ts';

export async function listBrief(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { rows, links } = await list(call, deps);
  return { attachments: rows.map(briefView), ...links };
}

export async function listDetail(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { rows, links } = await list(call, deps);
  const sees = await seesConnections(call, deps);
  return { attachments: rows.map((row) => detailView(row, sees)), ...links };
}

/** Name of the query → column. */
const FILTERS = [
  ['volume_id', 'volume_id'],
  ['instance_id', 'instance_id'],
  ['attach_status', 'status'],
  ['status', 'status'],
] as const;
const RULE_OF_ALL = 'volume:attachment_get_all_projects';

async function list(
  call: Call,
  { db, config }: VolumeDeps,
): Promise<{ rows: AttachmentRow[]; links: Record<string, unknown> }> {
  const page = readPage(call.query, SORTABLE, config.maxLimit);
  const equal: Record<string, string> = {};
  for (const [name, column] of FILTERS) {
    const value = call.query.get(name);
    if (value !== null) equal[column] = value;
  }
  const like: Record<string, string> = {};
  for (const [name, column] of FILTERS) {
    const part = readLike(call, name);
    if (part !== undefined) like[column] = part;
  }
  refuseUnknownFilters(
    call,
    FILTERS.flatMap(([name]) => [name, `${name}~`]),
    call.allows(RULE_OF_ALL, {}),
  );
  const projectId = wantsAllProjects(call, RULE_OF_ALL)
    ? (call.query.get('project_id') ?? undefined)
    : (call.principal.projectId ?? '');
  const rows = page.limit > 0 ? await listAttachmentRows(db.kysely, { projectId, equal, like }, page) : [];
  if (!rows) throw new AttachmentNotFound(page.marker ?? '');
  return { rows, links: nextLinks(call, 'attachments', page, rows) };
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const attachment = await findAttachment(call, deps, 'volume:attachment_get');
  return { attachment: detailView(attachment, await seesConnections(call, deps)) };
}

interface CreateBody {
  readonly attachment: {
    readonly volume_uuid: string;
    readonly instance_uuid?: string | null;
    readonly connector?: GivenConnector | null;
    readonly mode?: 'rw' | 'ro' | null;
  };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { attachment: body } = call.body as CreateBody;
  const { volume } = await findVolume(call, deps, 'volume:attachment_create', body.volume_uuid);
  const mode = atLeast(call.microversion, '3.54') ? (body.mode ?? undefined) : undefined;
  const reserved = await deps.db.transaction(async (trx) =>
    reserve(trx, deps, volume.id, {
      instanceId: body.instance_uuid ?? null,
      mode: mode ?? body.connector?.mode ?? undefined,
      projectId: volume.project_id,
      mayMultiattachBootable: call.allows('volume:multiattach_bootable_volume', {
        project_id: volume.project_id,
      }),
    }),
  );
  const given = body.connector;
  if (!given || Object.keys(given).length === 0) {
    await deps.bus.publish(VOLUME_CHANGED, { resource: 'attachment', id: reserved.id });
    return { attachment: detailView(reserved, false) };
  }
  try {
    const { attachment } = await connectAttachment(deps, reserved.id, given);
    return { attachment: detailView(attachment, await seesConnections(call, deps)) };
  } catch (error) {
    await deps.db.transaction(async (trx) => release(trx, deps, reserved)); // made by this request alone
    throw error;
  }
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { id } = await findAttachment(call, deps, 'volume:attachment_update');
  const { connector } = (call.body as { attachment: { connector: GivenConnector } }).attachment;
  if (Object.keys(connector).length === 0)
    throw new InvalidInput('Invalid input received: the connector of the attachment is missing.');
  const { attachment } = await connectAttachment(deps, id, connector);
  return { attachment: detailView(attachment, await seesConnections(call, deps)) };
}

/** Always ends it, whatever state it is in and whether the backend answers or not. */
export async function remove(call: Call, deps: VolumeDeps): Promise<unknown> {
  const attachment = await findAttachment(call, deps, 'volume:attachment_delete');
  await assertUnused(call, deps, [attachment]);
  await deps.db.transaction(async (trx) => {
    const now = await findAttachmentRow(trx, attachment.id);
    if (now) await release(trx, deps, now);
  });
  await deps.bus.publish(VOLUME_CHANGED, { resource: 'attachment', id: attachment.id });
  const others = await listOfVolume(deps.db.kysely, attachment.volume_id);
  return { attachments: others.map(briefView) };
}
