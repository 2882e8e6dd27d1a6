// List, show, create, update, remove a region.
import type { Call } from '#platform/http/api.ts';
import {
  findRegion,
  insertRegion,
  listEndpointRows,
  listRegionRows,
  removeRegion,
  updateRegion,
} from '../catalog/store.ts';
import type { IdentityExecutor, RegionRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { isPossibleText } from '../directory/directory.ts';
import { Refused, Invalid, NotFound } from '../errors.ts';
import { listRegisteredRows } from '../limits/store.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, extraOf, lookUp, mergedExtra, unlessTaken } from '../resource.ts';
import type { RegionBody } from './schema.ts';
import { regionView } from './view.ts';

const KNOWN = ['description', 'parent_region_id', 'url'];

export async function listRegions(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listRegionRows(deps.db.kysely, exactFilters(call, ['parent_region_id']));
  return listAnswer(
    call,
    'regions',
    rows.map((row) => regionView(row, call.baseUrl)),
    ['id'],
  );
}

export async function showRegion(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { region: regionView(await getRegion(deps, call.params['id'] ?? ''), call.baseUrl) };
}

export async function createRegion(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { region } = call.body as RegionBody;
  return insert(call, deps, region.id === undefined || region.id === '' ? newId() : region.id);
}

export async function putRegion(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { region } = call.body as RegionBody;
  const id = call.params['id'] ?? '';
  if (region.id !== undefined && region.id !== id)
    throw new Invalid('The id in the URL is not the one in the body.');
  return insert(call, deps, id);
}

async function insert(call: Call, deps: IdentityDeps, id: string): Promise<unknown> {
  const { region } = call.body as RegionBody;
  if (!isPossibleText(id) || id.includes('/'))
    throw new Invalid('A region id has 1 to 255 characters without slashes.');
  const parent = region.parent_region_id ?? null;
  const row: RegionRow = {
    id,
    description: region.description ?? '',
    parent_region_id: parent,
    extra: JSON.stringify(extraOf(region, KNOWN)),
  };
  if (parent !== null) await getRegion(deps, parent);
  await unlessTaken('region', async () => deps.db.transaction(async (trx) => insertRegion(trx, row)));
  return { region: regionView(row, call.baseUrl) };
}

export async function updateOneRegion(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { region } = call.body as RegionBody;
  const row = await getRegion(deps, call.params['id'] ?? '');
  await refuseCircle(deps, row.id, region.parent_region_id ?? null);
  const changes = defined<RegionRow>({
    description: region.description === null ? '' : region.description,
    parent_region_id: region.parent_region_id,
    extra: mergedExtra(row, region, KNOWN),
  });
  await deps.db.transaction(async (trx) => updateRegion(trx, row.id, changes));
  return { region: regionView({ ...row, ...changes }, call.baseUrl) };
}

async function refuseCircle(deps: IdentityDeps, id: string, parent: string | null): Promise<void> {
  const seen = new Set<string>();
  for (let at = parent; at !== null && !seen.has(at); at = (await getRegion(deps, at)).parent_region_id) {
    if (at === id) throw new Invalid('A region cannot lie below itself.');
    seen.add(at);
  }
}

export async function removeOneRegion(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getRegion(deps, call.params['id'] ?? '');
  await deps.db.transaction(async (trx) => {
    const doomed = await withDescendants(trx, id);
    for (const each of doomed) {
      if ((await listEndpointRows(trx, { region_id: each })).length > 0)
        throw new Refused(
          `Unable to delete region ${id} because it or its child regions have associated endpoints.`,
        );
      if ((await listRegisteredRows(trx, { region_id: each })).length > 0)
        throw new Refused(`Unable to delete region ${id} because there are registered limits of it.`);
    }
    for (const each of doomed.toReversed()) await removeRegion(trx, each);
  });
  return undefined;
}

/** The region and all below it, from the top: they go together. */
async function withDescendants(trx: IdentityExecutor, id: string): Promise<string[]> {
  const found = [id];
  for (const each of found)
    for (const child of await listRegionRows(trx, { parent_region_id: each }))
      if (!found.includes(child.id)) found.push(child.id);
  return found;
}

async function getRegion(deps: IdentityDeps, id: string): Promise<RegionRow> {
  const row = await lookUp(id, async (key) => findRegion(deps.db.kysely, key));
  if (!row) throw new NotFound('region', id);
  return row;
}
