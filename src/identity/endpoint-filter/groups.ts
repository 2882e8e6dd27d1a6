// List, show, create, update, remove an endpoint group: endpoints by their service, region or interface.
import { Type, type Static } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { EndpointGroupRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, lookUp, Name, Nullable, parseObject, Text } from '../resource.ts';
import {
  findEndpointGroup,
  insertEndpointGroup,
  listEndpointGroupRows,
  removeEndpointGroup,
  updateEndpointGroup,
} from './store.ts';

const Filters = Type.Object(
  {
    service_id: Type.Optional(Text),
    region_id: Type.Optional(Text),
    interface: Type.Optional(Text),
  },
  { additionalProperties: false },
);

export const createGroupBody = Type.Object({
  endpoint_group: Type.Object(
    {
      name: Name,
      filters: Filters,
      description: Type.Optional(Nullable(Text)),
    },
    { additionalProperties: false },
  ),
});
export const updateGroupBody = Type.Object({
  endpoint_group: Type.Object(
    {
      name: Type.Optional(Name),
      filters: Type.Optional(Filters),
      description: Type.Optional(Nullable(Text)),
    },
    { minProperties: 1, additionalProperties: false },
  ),
});

export function groupView(row: EndpointGroupRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    filters: parseObject(row.filters),
    links: { self: `${baseUrl}/v3/OS-EP-FILTER/endpoint_groups/${row.id}` },
  };
}

export async function listGroups(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listEndpointGroupRows(deps.db.kysely, exactFilters(call, ['name']));
  return listAnswer(
    call,
    'endpoint_groups',
    rows.map((row) => groupView(row, call.baseUrl)),
  );
}

export async function showGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { endpoint_group: groupView(await getGroup(call, deps), call.baseUrl) };
}

export async function createGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { endpoint_group: group } = call.body as Static<typeof createGroupBody>;
  if (Object.keys(group.filters).length === 0) {
    throw new Invalid('filters field is required and cannot be empty');
  }
  const row: EndpointGroupRow = {
    id: newId(),
    name: group.name,
    description: group.description ?? null,
    filters: JSON.stringify(group.filters),
  };
  await deps.db.transaction(async (trx) => insertEndpointGroup(trx, row));
  return { endpoint_group: groupView(row, call.baseUrl) };
}

export async function updateGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getGroup(call, deps);
  const { endpoint_group: group } = call.body as Static<typeof updateGroupBody>;
  const changes = defined<EndpointGroupRow>({
    name: group.name,
    description: group.description,
    filters: group.filters === undefined ? undefined : JSON.stringify(group.filters),
  });
  await deps.db.transaction(async (trx) => updateEndpointGroup(trx, row.id, changes));
  deps.directory.forgetEndpointTies();
  return { endpoint_group: groupView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeGroup(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getGroup(call, deps);
  await deps.db.transaction(async (trx) => removeEndpointGroup(trx, id));
  deps.directory.forgetEndpointTies();
  return undefined;
}

/** @throws NotFound */
export async function getGroup(call: Call, deps: IdentityDeps): Promise<EndpointGroupRow> {
  const id = call.params['group_id'] ?? '';
  const row = await lookUp(id, async (key) => findEndpointGroup(deps.db.kysely, key));
  if (!row) throw new NotFound('endpoint group', id);
  return row;
}
