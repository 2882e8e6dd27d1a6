// List, show, create, update, remove a registered limit: how much of a resource everyone may have by default.
import type { Call } from '#platform/http/api.ts';
import { findRegion, findService } from '../catalog/store.ts';
import type { IdentityExecutor, RegisteredLimitRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound, Refused } from '../errors.ts';
import { exactFilters, listAnswer } from '../listing.ts';
import { defined, lookUp, unlessTaken } from '../resource.ts';
import type { CreateRegistered, UpdateRegistered } from './schema.ts';
import {
  insertRegistered,
  isRegisteredInUse,
  listRegisteredRows,
  removeRegistered,
  updateRegistered,
} from './store.ts';

type View = Record<string, unknown> & { id: string };

function view(row: RegisteredLimitRow, baseUrl: string): View {
  return { ...row, links: { self: `${baseUrl}/v3/registered_limits/${row.id}` } };
}

export async function listRegistered(call: Call, deps: IdentityDeps): Promise<unknown> {
  const filter = exactFilters(call, ['service_id', 'region_id', 'resource_name']);
  const rows = await listRegisteredRows(deps.db.kysely, filter);
  return listAnswer(
    call,
    'registered_limits',
    rows.map((row) => view(row, call.baseUrl)),
    ['resource_name'],
  );
}

export async function showRegistered(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { registered_limit: view(await getRegistered(call, deps), call.baseUrl) };
}

export async function createRegistered(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { registered_limits: given } = call.body as CreateRegistered;
  const rows = given.map((each): RegisteredLimitRow => ({
    id: newId(),
    service_id: each.service_id,
    region_id: each.region_id ?? null,
    resource_name: each.resource_name,
    default_limit: each.default_limit,
    description: each.description ?? null,
  }));
  await unlessTaken('registered_limit', async () =>
    deps.db.transaction(async (trx) => {
      for (const row of rows) {
        await checkTies(trx, row);
        await insertRegistered(trx, row);
      }
    }),
  );
  return { registered_limits: rows.map((row) => view(row, call.baseUrl)) };
}

export async function updateOneRegistered(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getRegistered(call, deps);
  const { registered_limit: given } = call.body as UpdateRegistered;
  const changes = defined<RegisteredLimitRow>(given);
  await unlessTaken('registered_limit', async () =>
    deps.db.transaction(async (trx) => {
      await checkTies(trx, { ...row, ...changes });
      await refuseUsed(trx, row.id);
      await updateRegistered(trx, row.id, changes);
    }),
  );
  return { registered_limit: view({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneRegistered(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getRegistered(call, deps);
  await deps.db.transaction(async (trx) => {
    await refuseUsed(trx, id);
    await removeRegistered(trx, id);
  });
  return undefined;
}

async function refuseUsed(trx: IdentityExecutor, id: string): Promise<void> {
  if (!(await isRegisteredInUse(trx, id))) return;
  throw new Refused(
    `Unable to update or delete registered limit ${id} because there are project limits associated with it.`,
  );
}

/** @throws Invalid for a service or region that is not there */
async function checkTies(
  trx: IdentityExecutor,
  row: Pick<RegisteredLimitRow, 'service_id' | 'region_id'>,
): Promise<void> {
  if (!(await findService(trx, row.service_id))) {
    throw new Invalid(`Could not find service: ${row.service_id}.`);
  }
  if (row.region_id !== null && !(await findRegion(trx, row.region_id))) {
    throw new Invalid(`Could not find region: ${row.region_id}.`);
  }
}

async function getRegistered(call: Call, deps: IdentityDeps): Promise<RegisteredLimitRow> {
  const id = call.params['id'] ?? '';
  const [row] = (await lookUp(id, async (key) => listRegisteredRows(deps.db.kysely, { id: key }))) ?? [];
  if (!row) throw new NotFound('registered limit', id);
  return row;
}
