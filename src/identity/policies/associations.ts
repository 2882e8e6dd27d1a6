// Which policy an endpoint has: one of its own, else that of its service in its region or one above, else its service's.
import type { Handler, Method, Route } from '#platform/http/api.ts';
import type { Call } from '#platform/http/api.ts';
import { findEndpoint, findRegion, findService, listEndpointRows, listRegionRows } from '../catalog/store.ts';
import type { EndpointRow, PolicyAssociationRow, RegionRow } from '../database.ts';
import type { IdentityDeps } from '../deps.ts';
import { endpointView } from '../endpoints/view.ts';
import { NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { lookUp } from '../resource.ts';
import { getPolicy, policyView } from './handlers.ts';
import { listAssociations, removeAssociations, setAssociation } from './store.ts';

type Place = Omit<PolicyAssociationRow, 'policy_id'>;

async function checkAssociation(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await associationOf(call, deps);
  const known = await listAssociations(deps.db.kysely, row);
  if (known.length === 0) {
    throw new NotFound('policy association', call.path.slice('/v3/policies/'.length));
  }
  return undefined;
}

async function createAssociation(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await associationOf(call, deps);
  await deps.db.transaction(async (trx) => setAssociation(trx, row));
  return undefined;
}

async function removeAssociation(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await associationOf(call, deps);
  await deps.db.transaction(async (trx) => removeAssociations(trx, row));
  return undefined;
}

/** @throws NotFound for what the path names and is not there */
async function associationOf(call: Call, deps: IdentityDeps): Promise<PolicyAssociationRow> {
  const { kysely } = deps.db;
  const policy = await getPolicy(call, deps);
  const { endpoint_id: endpointId = '', service_id: serviceId = '', region_id: regionId = '' } = call.params;
  for (const [what, id, find] of [
    ['endpoint', endpointId, findEndpoint],
    ['service', serviceId, findService],
    ['region', regionId, findRegion],
  ] as const) {
    if (id !== '' && !(await lookUp(id, async (key) => find(kysely, key)))) throw new NotFound(what, id);
  }
  return { policy_id: policy.id, endpoint_id: endpointId, service_id: serviceId, region_id: regionId };
}

async function listEndpointsOfPolicy(call: Call, deps: IdentityDeps): Promise<unknown> {
  const policy = await getPolicy(call, deps);
  const places = await listAssociations(deps.db.kysely, { policy_id: policy.id });
  const regions = await listRegionRows(deps.db.kysely, {});
  const rows = (await listEndpointRows(deps.db.kysely, {})).filter((row) =>
    places.some((place) => covers(place, row, regions)),
  );
  return listAnswer(
    call,
    'endpoints',
    rows.map((row) => endpointView(row, call.baseUrl)),
    ['url'],
  );
}

function covers(place: Place, endpoint: EndpointRow, regions: readonly RegionRow[]): boolean {
  if (place.endpoint_id !== '') return place.endpoint_id === endpoint.id;
  if (place.service_id !== endpoint.service_id) return false;
  return place.region_id === '' || regionsAbove(endpoint.region_id, regions).includes(place.region_id);
}

/** The region itself first. */
function regionsAbove(id: string | null, regions: readonly RegionRow[]): string[] {
  const found: string[] = [];
  for (let at = id; at !== null && !found.includes(at);) {
    found.push(at);
    at = regions.find((each) => each.id === at)?.parent_region_id ?? null;
  }
  return found;
}

async function showPolicyOfEndpoint(call: Call, deps: IdentityDeps): Promise<unknown> {
  const id = call.params['endpoint_id'] ?? '';
  const endpoint = await lookUp(id, async (key) => findEndpoint(deps.db.kysely, key));
  if (!endpoint) throw new NotFound('endpoint', id);
  const known = await listAssociations(deps.db.kysely, {});
  const regions = regionsAbove(endpoint.region_id, await listRegionRows(deps.db.kysely, {}));
  const of = (place: Place): PolicyAssociationRow | undefined =>
    known.find(
      (row) =>
        row.endpoint_id === place.endpoint_id &&
        row.service_id === place.service_id &&
        row.region_id === place.region_id,
    );
  const service = { endpoint_id: '', service_id: endpoint.service_id };
  const places: Place[] = [
    { endpoint_id: endpoint.id, service_id: '', region_id: '' },
    ...regions.map((region) => ({ ...service, region_id: region })),
    { ...service, region_id: '' },
  ];
  const found = places.flatMap((place) => of(place) ?? [])[0];
  if (!found) throw new NotFound('policy of endpoint', id);
  const self = `${call.baseUrl}/v3/endpoints/${id}/OS-ENDPOINT-POLICY/policy`;
  return {
    policy: { ...policyView(await getPolicy(call, deps, found.policy_id), call.baseUrl), links: { self } },
  };
}

function route(
  method: Method,
  path: string,
  rule: string,
  handler: Handler<IdentityDeps>,
  success = 200,
): Route<IdentityDeps> {
  return { method, path, policy: `identity:${rule}`, handler, success };
}

const BASE = '/v3/policies/:id/OS-ENDPOINT-POLICY';

function associationRoutes(path: string, what: string): Route<IdentityDeps>[] {
  return [
    route('GET', path, `check_policy_association_for_${what}`, checkAssociation, 204),
    route('PUT', path, `create_policy_association_for_${what}`, createAssociation, 204),
    route('DELETE', path, `delete_policy_association_for_${what}`, removeAssociation, 204),
  ];
}

export const policyAssociationRoutes: readonly Route<IdentityDeps>[] = [
  route('GET', `${BASE}/endpoints`, 'list_endpoints_for_policy', listEndpointsOfPolicy),
  ...associationRoutes(`${BASE}/endpoints/:endpoint_id`, 'endpoint'),
  ...associationRoutes(`${BASE}/services/:service_id`, 'service'),
  ...associationRoutes(`${BASE}/services/:service_id/regions/:region_id`, 'region_and_service'),
  route(
    'GET',
    '/v3/endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy',
    'get_policy_for_endpoint',
    showPolicyOfEndpoint,
  ),
];
