// Lists and keeps traits, and which of them a provider bears.
import { locationOf, ok, timeHeaders } from '#placement/answers.ts';
import type { PlacementDeps } from '#placement/deps.ts';
import { BadRequest, Conflict, NotFound } from '#placement/errors.ts';
import { assertTraits } from '#placement/names.ts';
import { refuseUnknown } from '#placement/query.ts';
import { bumpGeneration, getProvider } from '#placement/resource-providers/store.ts';
import { isCustomName, isStandardTrait, STANDARD_TRAITS } from '#placement/standard-names.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import {
  insertCustomTrait,
  listBornTraits,
  listCustomTraits,
  listProviderTraits,
  removeCustomTrait,
  replaceProviderTraits,
} from './store.ts';

export async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  refuseUnknown(call, { name: '1.6', associated: '1.6' });
  let names = [...STANDARD_TRAITS, ...(await listCustomTraits(db.kysely))];
  const filter = call.query.get('name');
  if (filter !== null) names = filterNames(names, filter);
  const associated = call.query.get('associated');
  if (associated !== null) {
    if (!/^(true|false)$/i.test(associated))
      throw new BadRequest(
        `The query parameter "associated" only accepts "true" or "false"`,
        'query-bad-value',
      );
    const born = await listBornTraits(db.kysely);
    names = names.filter((name) => born.has(name) === (associated.toLowerCase() === 'true'));
  }
  return ok(call, { traits: names });
}

function filterNames(names: readonly string[], filter: string): string[] {
  const [, operator, value = ''] = /^(startswith|in):(.*)$/.exec(filter) ?? [];
  if (operator === 'startswith') return names.filter((name) => name.startsWith(value));
  if (operator === 'in') {
    const wanted = new Set(value.split(','));
    return names.filter((name) => wanted.has(name));
  }
  if (filter.includes(':')) return [...names]; // a form that nobody knows filters nothing, as upstream
  throw new BadRequest(
    'Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix].',
    'query-bad-value',
  );
}

const notFound = (name: string): NotFound => new NotFound(`No such trait(s): ${name.slice(0, 255)}.`);

export async function show(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  if (!isStandardTrait(name) && !(await listCustomTraits(db.kysely)).includes(name)) throw notFound(name);
  return new Reply(204, undefined, timeHeaders(call));
}

export async function create(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  if (!isCustomName(name))
    throw new BadRequest(
      `The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"`,
    );
  const made = await insertCustomTrait(db.kysely, name, isoTime(clock));
  return new Reply(made ? 201 : 204, undefined, {
    location: locationOf(call, `/traits/${name}`),
    ...timeHeaders(call),
  });
}

export async function remove(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const name = call.params['name'] ?? '';
  if (isStandardTrait(name)) throw new BadRequest(`Cannot delete standard trait ${name}.`);
  await db.transaction(async (trx) => {
    if ((await listBornTraits(trx)).has(name))
      throw new Conflict(`The trait ${name} is in use by a resource provider.`);
    if (!(await removeCustomTrait(trx, name))) throw notFound(name);
  });
  return new Reply(204);
}

export async function listOfProvider(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  const traits = await listProviderTraits(db.kysely, provider.id);
  return ok(call, { traits, resource_provider_generation: provider.generation }, [provider.updated_at]);
}

export async function replaceOfProvider(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const body = call.body as { traits: string[]; resource_provider_generation: number };
  const now = isoTime(clock);
  const view = await db.transaction(async (trx) => {
    const provider = await getProvider(trx, call.params['id'] ?? '');
    await assertTraits(trx, body.traits);
    const generation = await bumpGeneration(trx, provider, body.resource_provider_generation, now);
    await replaceProviderTraits(trx, provider.id, body.traits);
    return { traits: await listProviderTraits(trx, provider.id), resource_provider_generation: generation };
  });
  return ok(call, view, [now]);
}

export async function removeOfProvider(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  await db.transaction(async (trx) => {
    const provider = await getProvider(trx, call.params['id'] ?? '');
    await bumpGeneration(trx, provider, null, isoTime(clock));
    await replaceProviderTraits(trx, provider.id, []);
  });
  return new Reply(204);
}
