// List, show, create, update, remove an endpoint.
import type { Call } from '#platform/http/api.ts';
import {
  findEndpoint,
  findRegion,
  findService,
  insertEndpoint,
  insertRegion,
  listEndpointRows,
  removeEndpoint,
  updateEndpoint,
} from '../catalog/store.ts';
import type { EndpointRow, IdentityExecutor } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, extraOf, flag, lookUp, mergedExtra } from '../resource.ts';
import type { CreateEndpoint, UpdateEndpoint } from './schema.ts';
import { endpointView } from './view.ts';

const KNOWN = ['service_id', 'interface', 'url', 'region', 'region_id', 'enabled'];

export async function listEndpoints(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { interface: asked, ...filter } = exactFilters(call, ['service_id', 'region_id', 'interface']);
  const name = asked?.replace(/URL$/, '');
  if (name !== undefined && name !== 'public' && name !== 'internal' && name !== 'admin') {
    return listAnswer(call, 'endpoints', []);
  }
  const rows = await listEndpointRows(deps.db.kysely, { ...filter, ...(name ? { interface: name } : {}) });
  return listAnswer(
    call,
    'endpoints',
    rows.map((row) => endpointView(row, call.baseUrl)),
    ['url'],
  );
}

export async function showEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { endpoint: endpointView(await getEndpoint(deps, call.params['id'] ?? ''), call.baseUrl) };
}

export async function createEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { endpoint } = call.body as CreateEndpoint;
  const row: EndpointRow = {
    id: newId(),
    service_id: endpoint.service_id,
    region_id: endpoint.region_id ?? endpoint.region ?? null,
    interface: endpoint.interface,
    url: endpoint.url,
    enabled: flag(endpoint.enabled, true),
    extra: JSON.stringify(extraOf(endpoint, KNOWN)),
  };
  await deps.db.transaction(async (trx) => {
    await checkTies(trx, row, endpoint.region_id === undefined);
    await insertEndpoint(trx, row);
  });
  return { endpoint: endpointView(row, call.baseUrl) };
}

export async function updateOneEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { endpoint } = call.body as UpdateEndpoint;
  const row = await getEndpoint(deps, call.params['id'] ?? '');
  const changes = defined<EndpointRow>({
    service_id: endpoint.service_id,
    region_id: endpoint.region_id === undefined ? endpoint.region : endpoint.region_id,
    interface: endpoint.interface,
    url: endpoint.url,
    enabled: endpoint.enabled === undefined ? undefined : flag(endpoint.enabled, true),
    extra: mergedExtra(row, endpoint, KNOWN),
  });
  const changed = { ...row, ...changes };
  await deps.db.transaction(async (trx) => {
    await checkTies(trx, changed, endpoint.region_id === undefined);
    await updateEndpoint(trx, row.id, changes);
  });
  return { endpoint: endpointView(changed, call.baseUrl) };
}

/** A region named the old way is made when it is not there. @throws Invalid for what does not exist */
async function checkTies(trx: IdentityExecutor, row: EndpointRow, byName: boolean): Promise<void> {
  refuseUnknownNames(row.url);
  if (!(await findService(trx, row.service_id)))
    throw new Invalid(`Could not find service: ${row.service_id}.`);
  if (row.region_id === null || (await findRegion(trx, row.region_id))) return;
  if (!byName) throw new Invalid(`Could not find region: ${row.region_id}.`);
  await insertRegion(trx, { id: row.region_id, description: '', parent_region_id: null, extra: '{}' });
}

/** What a catalog can put into an address; upstream's list. */
const NAMES = new Set([
  'tenant_id',
  'user_id',
  'project_id',
  'public_bind_host',
  'admin_bind_host',
  'compute_host',
  'admin_port',
  'public_port',
  'public_endpoint',
  'admin_endpoint',
]);

/** @throws Invalid for `$(name)s` of a name that no catalog can fill */
function refuseUnknownNames(url: string): void {
  for (const [, name = ''] of url.matchAll(/[$%]\(([^)]*)\)/g))
    if (!NAMES.has(name)) throw new Invalid(`Invalid endpoint url: there is nothing named ${name} for it.`);
}

export async function removeOneEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getEndpoint(deps, call.params['id'] ?? '');
  await deps.db.transaction(async (trx) => removeEndpoint(trx, id));
  return undefined;
}

async function getEndpoint(deps: IdentityDeps, id: string): Promise<EndpointRow> {
  const row = await lookUp(id, async (key) => findEndpoint(deps.db.kysely, key));
  if (!row) throw new NotFound('endpoint', id);
  return row;
}
