// List, show, create, update, remove a service of the catalog.
import type { Call } from '#platform/http/api.ts';
import {
  findService,
  insertService,
  listServiceRows,
  removeService,
  updateService,
} from '../catalog/store.ts';
import type { ServiceRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { NotFound, Refused } from '../errors.ts';
import { listRegisteredRows } from '../limits/store.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, extraOf, flag, lookUp, mergedExtra } from '../resource.ts';
import type { CreateService, UpdateService } from './schema.ts';
import { serviceView } from './view.ts';

const KNOWN = ['type', 'name', 'description', 'enabled'];

export async function listServices(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listServiceRows(deps.db.kysely, exactFilters(call, ['type', 'name']));
  return listAnswer(
    call,
    'services',
    rows.map((row) => serviceView(row, call.baseUrl)),
    ['name', 'type'],
  );
}

export async function showService(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { service: serviceView(await getService(deps, call.params['id'] ?? ''), call.baseUrl) };
}

export async function createService(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { service } = call.body as CreateService;
  const row: ServiceRow = {
    id: newId(),
    type: service.type,
    name: service.name ?? '',
    description: service.description ?? null,
    enabled: flag(service.enabled, true),
    extra: JSON.stringify(extraOf(service, KNOWN)),
  };
  await deps.db.transaction(async (trx) => insertService(trx, row));
  return { service: serviceView(row, call.baseUrl) };
}

export async function updateOneService(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { service } = call.body as UpdateService;
  const row = await getService(deps, call.params['id'] ?? '');
  const changes = defined<ServiceRow>({
    type: service.type,
    name: service.name,
    description: service.description,
    enabled: service.enabled === undefined ? undefined : flag(service.enabled, true),
    extra: mergedExtra(row, service, KNOWN),
  });
  await deps.db.transaction(async (trx) => updateService(trx, row.id, changes));
  return { service: serviceView({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneService(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getService(deps, call.params['id'] ?? '');
  await deps.db.transaction(async (trx) => {
    if ((await listRegisteredRows(trx, { service_id: id })).length > 0) {
      throw new Refused(`Unable to delete service ${id} because there are registered limits of it.`);
    }
    await removeService(trx, id);
  });
  return undefined;
}

async function getService(deps: IdentityDeps, id: string): Promise<ServiceRow> {
  const row = await lookUp(id, async (key) => findService(deps.db.kysely, key));
  if (!row) throw new NotFound('service', id);
  return row;
}
