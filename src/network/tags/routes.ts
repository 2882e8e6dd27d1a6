// /v2.0/<collection>/{id}/tags: the tags of any resource, one by one or all at once.
import { Type } from 'typebox';
import { Reply, type Call, type Route } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { NetworkError } from '../errors.ts';
import type { ResourceKind } from '../northbound.ts';
import { bumpRevision, insertRow, type StandardTable } from '../rest/select.ts';
import type { Crud } from '../rest/crud.ts';
import type { NetworkDeps, Sql, View } from '../rest/deps.ts';
import { removeTag, removeTags, replaceTags, tagsOf } from './store.ts';

const TAG = '^[^\\u0000,/]{1,255}$';
const body = Type.Object(
  { tags: Type.Array(Type.String({ pattern: TAG }), { maxItems: 50 }) },
  { additionalProperties: false },
);

async function tags(db: Sql, deps: NetworkDeps, id: string): Promise<string[]> {
  return (await tagsOf(db, deps.db.engine, [id])).get(id) ?? [];
}

function tagOf(call: Call): string {
  const tag = call.params['tag'] ?? '';
  if (!new RegExp(TAG).test(tag))
    throw new NetworkError(
      'bad-request',
      'InvalidInput',
      `Invalid input for operation: '${tag.slice(0, 80)}' is no valid tag.`,
    );
  return tag;
}

const IN_OVN: readonly string[] = [
  'network',
  'subnet',
  'port',
  'router',
  'floatingip',
  'security_group',
  'address_group',
] satisfies ResourceKind[];

function isInOvn(name: string): name is ResourceKind {
  return IN_OVN.includes(name);
}

/** The tag routes below one collection. @param path where they are when not below the collection's own path */
export function tagRoutes<T extends StandardTable>(
  crud: Crud<T>,
  path = crud.spec.path,
): Route<NetworkDeps>[] {
  const { name, table } = crud.spec;
  const change = async (
    call: Call,
    deps: NetworkDeps,
    fn: (db: Sql, id: string) => Promise<void>,
  ): Promise<string[]> => {
    const done = await crud.change(call, deps, async ({ unit }, row) => {
      call.enforce('update_tags', { project_id: row.project_id });
      await fn(unit.trx, row.id);
      await bumpRevision(unit.trx, table, row.id, unit.now);
      // OVN's rows carry the revision.
      if (isInOvn(name)) unit.touch(name, row.id);
      return tags(unit.trx, deps, row.id);
    });
    return done.result;
  };
  const has = async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    const row = await crud.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    if (!(await tags(deps.db.kysely, deps, row.id)).includes(tagOf(call))) throw noTag(call, name);
    return new Reply(204);
  };
  const add = async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    await change(call, deps, async (db, id) => {
      if (!(await tags(db, deps, id)).includes(tagOf(call))) await insertTag(db, id, tagOf(call));
    });
    return new Reply(201);
  };
  const drop = async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    await change(call, deps, async (db, id) => {
      if (!(await tags(db, deps, id)).includes(tagOf(call))) throw noTag(call, name);
      await removeTag(db, id, tagOf(call));
    });
    return new Reply(204);
  };
  const all = async (call: Call, deps: NetworkDeps): Promise<View> => {
    const row = await crud.get(call, deps, deps.db.kysely, call.params['id'] ?? '');
    return { tags: await tags(deps.db.kysely, deps, row.id) };
  };
  const replace = async (call: Call, deps: NetworkDeps): Promise<View> => ({
    tags: await change(call, deps, (db, id) => replaceTags(db, id, (call.body as { tags: string[] }).tags)),
  });
  const clear = async (call: Call, deps: NetworkDeps): Promise<Reply> => {
    await change(call, deps, removeTags);
    return new Reply(204);
  };
  const base = `${path}/:id/tags`;
  return [
    { method: 'GET', path: base, handler: all, policy: 'get_tags' },
    { method: 'PUT', path: base, handler: replace, body },
    { method: 'DELETE', path: base, handler: clear, success: 204 },
    { method: 'GET', path: `${base}/:tag`, handler: has, success: 204 },
    { method: 'PUT', path: `${base}/:tag`, handler: add, success: 201 },
    { method: 'DELETE', path: `${base}/:tag`, handler: drop, success: 204 },
  ];
}

async function insertTag(db: Sql, id: string, tag: string): Promise<void> {
  try {
    await insertRow(db, 'tags', { resource_id: id, tag });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
}

function noTag(call: Call, name: string): NetworkError {
  return new NetworkError(
    'not-found',
    'TagNotFound',
    `Tag ${call.params['tag']} could not be found on ${name} ${call.params['id']}.`,
  );
}
