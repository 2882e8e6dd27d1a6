// `/messages` (3.3): why something failed, in words for its owner.
import { Reply, type Call } from '#platform/http/api.ts';
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { VolumeDeps, VolumeRoute } from '#volume/deps.ts';
import { ResourceNotFound } from '#volume/errors.ts';
import { nextPageLink, pageOf, type Listing } from '#volume/listing.ts';
import { readLike, refuseUnknownFilters } from '#volume/paging.ts';
import { MEMBER, READER, rule } from '#volume/policies.ts';
import type { MessageRow } from '#volume/tables.ts';
import { shownTime } from '#volume/times.ts';
import { linksOf } from '#volume/volumes/view.ts';
import { findMessage, listMessages, removeMessage } from './store.ts';

export const messagePolicies: readonly PolicyRule[] = [
  rule('message:get_all', READER, 'List messages.'),
  rule('message:get', READER, 'Show a message.'),
  rule('message:delete', MEMBER, 'Delete a message.'),
];

function view(call: Call, row: MessageRow): Record<string, unknown> {
  return {
    id: row.id,
    event_id: row.event_id,
    user_message: row.user_message,
    message_level: row.message_level,
    created_at: shownTime(row.created_at),
    guaranteed_until: shownTime(row.guaranteed_until),
    request_id: row.request_id,
    resource_type: row.resource_type,
    ...(row.resource_id === null ? {} : { resource_uuid: row.resource_id }),
    links: linksOf(call, 'messages', row.id),
  };
}

/** Absent, or of another project: both look alike. */
async function getMessage(call: Call, { db }: VolumeDeps, allow: string): Promise<MessageRow> {
  const id = call.params['id'] ?? '';
  const row = await findMessage(db.kysely, id);
  if (!row || !call.allows('message:get', { project_id: row.project_id }))
    throw new ResourceNotFound('Message', id);
  call.enforce(allow, { project_id: row.project_id });
  return row;
}

const SORTABLE: Listing<MessageRow>['sortable'] = {
  id: (row) => row.id,
  event_id: (row) => row.event_id,
  resource_uuid: (row) => row.resource_id,
  resource_type: (row) => row.resource_type,
  request_id: (row) => row.request_id,
  message_level: (row) => row.message_level,
  guaranteed_until: (row) => row.guaranteed_until,
  created_at: (row) => row.created_at,
};

const FILTERS = ['resource_uuid', 'resource_type', 'event_id', 'request_id', 'message_level'] as const;

async function list(call: Call, { db, config }: VolumeDeps): Promise<unknown> {
  const rows = await listMessages(db.kysely, call.principal.projectId ?? '');
  const pages = atLeast(call.microversion, '3.5');
  refuseUnknownFilters(
    call,
    FILTERS.flatMap((name) => [name, `${name}~`]),
    call.allows('context_is_admin'),
  );
  const matching = pages ? rows.filter((row) => fits(call, row)) : rows;
  const page = pageOf(pages ? call.query : new URLSearchParams(), matching, {
    what: 'Message',
    sortable: SORTABLE,
    maxLimit: config.maxLimit,
  });
  return {
    messages: page.rows.map((row) => view(call, row)),
    ...nextPageLink(call, 'messages', page),
  };
}

function fits(call: Call, row: MessageRow): boolean {
  return FILTERS.every((name) => {
    const value = String(SORTABLE[name]?.(row) ?? '');
    return (call.query.get(name) ?? value) === value && value.includes(readLike(call, name) ?? '');
  });
}

async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { message: view(call, await getMessage(call, deps, 'message:get')) };
}

async function remove(call: Call, deps: VolumeDeps): Promise<Reply> {
  const row = await getMessage(call, deps, 'message:delete');
  await removeMessage(deps.db.kysely, row.id);
  return new Reply(204);
}

const path = '/messages';
const since = '3.3';

export const messageRoutes: readonly VolumeRoute[] = [
  { method: 'GET', path, handler: list, policy: 'message:get_all', since },
  { method: 'GET', path: `${path}/:id`, handler: show, since },
  { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 204, since },
];
