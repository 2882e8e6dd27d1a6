// `/servers/{id}/tags`: plain words on a server, 50 at most. Since 2.26.
import { Type } from 'typebox';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeExecutor, ComputeRoute } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { root } from '#compute/links.ts';
import { strict } from '#compute/schema-types.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findServer } from '../find-server.ts';
import { tagSchema } from '../schema.ts';
import { checkState, SETTLED } from '../states.ts';
import { insertTags, listTags, removeTags, updateInstance } from '../store.ts';

const MOST = 50;

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-tags:index');
  return { tags: await tagsOf(deps.db.kysely, row) };
}

const tagsOf = async (db: ComputeExecutor, row: InstanceRow): Promise<string[]> =>
  (await listTags(db, [row.id])).get(row.id) ?? [];

async function check(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await findServer(call, deps, 'os_compute_api:os-server-tags:show');
  if (!(await tagsOf(deps.db.kysely, row)).includes(tagIn(call))) throw noTag(row, call);
  return new Reply(204);
}

const tagIn = (call: Call): string => call.params['tag'] ?? '';
const noTag = (row: InstanceRow, call: Call): NotFound =>
  new NotFound(`Server ${row.id} has no tag '${tagIn(call)}'`, 'no-such-tag');

async function changeable(call: Call, deps: ComputeDeps, rule: string): Promise<InstanceRow> {
  const row = await findServer(call, deps, `os_compute_api:os-server-tags:${rule}`);
  checkState(`${rule} tags`, row, { vm: SETTLED, task: 'any' });
  return row;
}

const touch = async (trx: ComputeExecutor, deps: ComputeDeps, row: InstanceRow): Promise<void> =>
  updateInstance(trx, row.id, { updated_at: new Date(deps.clock.now()).toISOString() });

async function add(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await changeable(call, deps, 'update');
  const tag = tagIn(call);
  if (tag.length > 60 || tag.length === 0)
    throw new InvalidInput(`Tag '${tag.slice(0, 60)}…' must have 1 to 60 characters.`);
  if (/[,/]/.test(tag)) throw new InvalidInput(`Tag '${tag}' must not contain ',' or '/'.`);
  return deps.db.transaction(async (trx) => {
    const tags = await tagsOf(trx, row);
    if (tags.includes(tag)) return new Reply(204);
    if (tags.length >= MOST)
      throw new InvalidInput(`The number of tags exceeded the per-server limit ${MOST}`);
    await insertTags(trx, row.id, [tag]);
    await touch(trx, deps, row);
    const location = `${root(call)}/servers/${row.id}/tags/${encodeURIComponent(tag)}`;
    return new Reply(201, undefined, { location });
  });
}

async function replace(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await changeable(call, deps, 'update_all');
  const tags = [...new Set((call.body as { readonly tags: readonly string[] }).tags)];
  if (tags.length > MOST) throw new InvalidInput(`The number of tags exceeded the per-server limit ${MOST}`);
  await deps.db.transaction(async (trx) => {
    await removeTags(trx, row.id);
    await insertTags(trx, row.id, tags);
    await touch(trx, deps, row);
  });
  return { tags };
}

async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await changeable(call, deps, 'delete');
  const removed = await deps.db.transaction(async (trx) => {
    await touch(trx, deps, row);
    return removeTags(trx, row.id, tagIn(call));
  });
  if (removed === 0) throw noTag(row, call);
  return new Reply(204);
}

async function removeAll(call: Call, deps: ComputeDeps): Promise<Reply> {
  const row = await changeable(call, deps, 'delete_all');
  await deps.db.transaction(async (trx) => {
    await removeTags(trx, row.id);
    await touch(trx, deps, row);
  });
  return new Reply(204);
}

const path = '/v2.1/servers/:id/tags';
const since = '2.26';
const body = Type.Object({ tags: Type.Array(tagSchema) }, strict);

export const tagRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list, since },
  { method: 'PUT', path, handler: replace, body, since, errors: [409] },
  { method: 'DELETE', path, handler: removeAll, since, success: 204, errors: [409] },
  { method: 'GET', path: `${path}/:tag`, handler: check, since, success: 204 },
  { method: 'PUT', path: `${path}/:tag`, handler: add, since, success: 201, errors: [409] },
  { method: 'DELETE', path: `${path}/:tag`, handler: remove, since, success: 204, errors: [409] },
];
