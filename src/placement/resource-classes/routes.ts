// `/resource_classes`: the kinds of resources that providers can have.
import { hrefOf, locationOf, ok } from '#placement/answers.ts';
import type { PlacementDeps, PlacementExecutor, PlacementRoute } from '#placement/deps.ts';
import { BadRequest, Conflict, NotFound } from '#placement/errors.ts';
import { className } from '#placement/inventories/schema.ts';
import { isCustomName, isStandardClass, STANDARD_CLASSES } from '#placement/standard-names.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { Type } from 'typebox';
import { classInUse, insertClass, listCustomClasses, removeClass, renameClass } from './store.ts';

const path = '/resource_classes';
const body = Type.Object({ name: className }, { additionalProperties: false });

export const resourceClassRoutes: readonly PlacementRoute[] = [
  { method: 'GET', path, handler: list, policy: 'placement:resource_classes:list', since: '1.2' },
  {
    method: 'POST',
    path,
    handler: create,
    policy: 'placement:resource_classes:create',
    body,
    since: '1.2',
    errors: [409],
  },
  {
    method: 'GET',
    path: `${path}/:name`,
    handler: show,
    policy: 'placement:resource_classes:show',
    since: '1.2',
  },
  {
    method: 'PUT',
    path: `${path}/:name`,
    handler: rename,
    policy: 'placement:resource_classes:update',
    body,
    since: '1.2',
    until: '1.6',
    errors: [409],
  },
  {
    method: 'PUT',
    path: `${path}/:name`,
    handler: ensure,
    policy: 'placement:resource_classes:update',
    since: '1.7',
  },
  {
    method: 'DELETE',
    path: `${path}/:name`,
    handler: remove,
    policy: 'placement:resource_classes:delete',
    since: '1.2',
    errors: [409],
  },
];

const view = (name: string): unknown => ({ name, links: [{ rel: 'self', href: hrefOf(`${path}/${name}`) }] });

async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const names = [...STANDARD_CLASSES, ...(await listCustomClasses(db.kysely))];
  return ok(call, { resource_classes: names.map(view) });
}

async function assertExists(db: PlacementExecutor, name: string): Promise<void> {
  if (isStandardClass(name) || (await listCustomClasses(db)).includes(name)) return;
  throw new NotFound(`No such resource class ${name.slice(0, 255)}.`);
}

async function show(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  await assertExists(db.kysely, name);
  return ok(call, view(name));
}

function assertCustom(name: string): void {
  if (!isCustomName(name))
    throw new BadRequest(
      `JSON does not validate: '${name.slice(0, 255)}' does not match '^CUSTOM_[A-Z0-9_]+$'`,
    );
}

async function create(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const { name } = call.body as { name: string };
  assertCustom(name);
  if (!(await insertClass(db.kysely, name, isoTime(clock))))
    throw new Conflict(`Conflicting resource class already exists: ${name}`);
  return new Reply(201, undefined, { location: locationOf(call, `${path}/${name}`) });
}

async function ensure(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  assertCustom(name);
  const made = await insertClass(db.kysely, name, isoTime(clock));
  return new Reply(made ? 201 : 204, undefined, {
    location: locationOf(call, `${path}/${name}`),
  });
}

async function rename(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  const next = (call.body as { name: string }).name;
  if (isStandardClass(name)) throw new BadRequest(`Cannot update standard resource class ${name}`);
  assertCustom(next);
  await db.transaction(async (trx) => {
    await assertExists(trx, name);
    if (name !== next && (await listCustomClasses(trx)).includes(next))
      throw new Conflict(`Resource class already exists: ${next}`);
    await renameClass(trx, name, next);
  });
  return ok(call, view(next));
}

async function remove(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  if (isStandardClass(name))
    throw new BadRequest(`Error in delete resource class: Cannot delete standard resource class ${name}`);
  await db.transaction(async (trx) => {
    await assertExists(trx, name);
    if (await classInUse(trx, name)) throw new Conflict(`Error in delete resource class: ${name} is in use`);
    await removeClass(trx, name);
  });
  return new Reply(204);
}
