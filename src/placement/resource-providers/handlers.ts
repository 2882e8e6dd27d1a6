// Lists, shows, creates, changes and removes resource providers.
import { emptyGroup } from '#placement/allocation-candidates/request.ts';
import { loadProviderStates, type ProviderState } from '#placement/allocation-candidates/provider-state.ts';
import { mayServe, traitsHold } from '#placement/allocation-candidates/search.ts';
import { locationOf, ok, timeHeaders } from '#placement/answers.ts';
import { shortageOf } from '#placement/capacity.ts';
import type { PlacementDeps, PlacementExecutor } from '#placement/deps.ts';
import { BadRequest, Conflict } from '#placement/errors.ts';
import { assertClasses, assertTraits } from '#placement/names.ts';
import { normalUuid, readAggregates, readResources, readAnyTraits, refuseUnknown } from '#placement/query.ts';
import type { ResourceProviderRow } from '#placement/tables.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import {
  changeTimes,
  getProvider,
  hasAllocations,
  insertProvider,
  removeProvider,
  setRoot,
  subtreeOf,
  updateProvider,
} from './store.ts';
import { providerView, type ShownProvider } from './view.ts';

const FILTERS = {
  name: '1.0',
  uuid: '1.0',
  member_of: '1.3',
  resources: '1.4',
  in_tree: '1.14',
  required: '1.18',
} as const;

export async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  refuseUnknown(call, FILTERS);
  const { query } = call;
  const resources = query.has('resources') ? readResources(query.get('resources') ?? '') : {};
  const traits = readAnyTraits(call, query.getAll('required'));
  await assertTraits(db.kysely, [...traits.required.flat(), ...traits.forbidden]);
  await assertClasses(db.kysely, Object.keys(resources));
  const inTree = readUuid(query, 'in_tree');
  const uuid = readUuid(query, 'uuid');
  const group = {
    ...emptyGroup(''),
    ...traits,
    ...readAggregates(call, query.getAll('member_of')),
    ...(inTree ? { inTree } : {}),
  };
  const states = await loadProviderStates(db.kysely);
  const times = await changeTimes(db.kysely);
  // A provider's own aggregates count here, not its root's.
  const direct = { ...group, suffix: 'direct' };
  const found = [...states.values()].filter(
    (each) =>
      (!query.has('name') || each.name === query.get('name')) &&
      (uuid === undefined || each.id === uuid) &&
      mayServe(each, direct, states) &&
      traitsHold(each.traits, group) &&
      hasRoom(each, resources),
  );
  const shown = found.map((each) =>
    providerView({ ...each, parent: each.parentId, root: each.rootId }, call.microversion),
  );
  return ok(
    call,
    { resource_providers: shown },
    found.flatMap((each) => times.get(each.id) ?? []),
  );
}

function readUuid(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const id = normalUuid(text);
  if (id === undefined)
    throw new BadRequest(
      `Invalid query string parameters: Failed validating ${name}: '${text.slice(0, 255)}' is not a 'uuid'`,
    );
  return id;
}

function hasRoom(provider: ProviderState, resources: Readonly<Record<string, number>>): boolean {
  return Object.entries(resources).every(
    ([name, amount]) =>
      !shortageOf(name, amount, provider.inventories.get(name), provider.used.get(name) ?? 0),
  );
}

const shownOf = (row: ResourceProviderRow): ShownProvider => ({
  ...row,
  parent: row.parent_id,
  root: row.root_id,
});

export async function show(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const row = await getProvider(db.kysely, call.params['id'] ?? '');
  return ok(call, providerView(shownOf(row), call.microversion), [row.updated_at]);
}

interface Body {
  readonly name: string;
  readonly uuid?: string;
  readonly parent_provider_uuid?: string | null;
}

export async function create(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const { name, uuid, parent_provider_uuid } = call.body as Body;
  const id = uuid === undefined ? crypto.randomUUID() : (normalUuid(uuid) ?? uuid);
  const now = isoTime(clock);
  try {
    const row = await db.transaction(async (trx) => {
      const parent = await findParent(trx, parent_provider_uuid ?? null);
      if (parent?.id === id)
        throw new BadRequest(
          'parent provider UUID cannot be same as UUID. Unable to create resource provider.',
        );
      const made = {
        id,
        name,
        generation: 0,
        parent_id: parent?.id ?? null,
        root_id: parent?.root_id ?? id,
        created_at: now,
        updated_at: now,
      };
      await insertProvider(trx, made);
      return made;
    });
    const headers = { location: locationOf(call, `/resource_providers/${id}`) };
    if (!atLeast(call.microversion, '1.20')) return new Reply(201, undefined, headers);
    return new Reply(200, providerView(shownOf(row), call.microversion), {
      ...headers,
      ...timeHeaders(call, [now]),
    });
  } catch (error) {
    throw isUniqueViolation(error) ? duplicate(name) : error;
  }
}

const duplicate = (name: string): Conflict =>
  new Conflict(`Conflicting resource provider name: ${name} already exists.`, 'duplicate-name');

async function findParent(
  trx: PlacementExecutor,
  id: string | null,
): Promise<ResourceProviderRow | undefined> {
  if (id === null) return undefined;
  const parent = await trx
    .selectFrom('resource_providers')
    .selectAll()
    .where('id', '=', normalUuid(id) ?? id)
    .executeTakeFirst();
  if (!parent) throw new BadRequest(`parent provider UUID '${id}' does not exist.`);
  return parent;
}

export async function update(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const body = call.body as Body;
  const now = isoTime(clock);
  try {
    const changed = await db.transaction(async (trx) => {
      const row = await getProvider(trx, call.params['id'] ?? '');
      if (body.parent_provider_uuid !== undefined) await reparent(call, trx, row, body.parent_provider_uuid);
      await updateProvider(trx, row.id, { name: body.name, updated_at: now });
      return getProvider(trx, row.id);
    });
    return ok(call, providerView(shownOf(changed), call.microversion), [now]);
  } catch (error) {
    throw isUniqueViolation(error) ? duplicate(body.name) : error;
  }
}

/** Until 1.36 a provider without a parent can get one, once; from 1.37 on it moves freely, with all below it. */
async function reparent(
  call: Call,
  trx: PlacementExecutor,
  row: ResourceProviderRow,
  wanted: string | null,
): Promise<void> {
  const parent = await findParent(trx, wanted);
  if ((parent?.id ?? null) === row.parent_id) return;
  if (row.parent_id !== null && !atLeast(call.microversion, '1.37'))
    throw new BadRequest(
      `Unable to save resource provider ${row.id}: re-parenting a provider is not currently allowed.`,
    );
  const below = await subtreeOf(trx, row);
  if (parent && below.includes(parent.id))
    throw new BadRequest(
      `Unable to save resource provider ${row.id}: creating loop in the provider tree is not allowed.`,
    );
  await updateProvider(trx, row.id, { parent_id: parent?.id ?? null });
  await setRoot(trx, below, parent?.root_id ?? row.id);
}

export async function remove(call: Call, { db }: PlacementDeps): Promise<Reply> {
  await db.transaction(async (trx) => {
    const row = await getProvider(trx, call.params['id'] ?? '');
    if ((await subtreeOf(trx, row)).length > 1)
      throw new Conflict(
        `Unable to delete parent resource provider ${row.id}: It has child resource providers.`,
        'cannot-delete-parent',
      );
    if (await hasAllocations(trx, row.id))
      throw new Conflict(
        `Unable to delete resource provider ${row.id}: Resource provider has allocations.`,
        'provider-in-use',
      );
    await removeProvider(trx, row.id);
  });
  return new Reply(204);
}
