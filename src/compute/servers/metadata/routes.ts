// `/servers/{id}/metadata`: the server's own keys and values, which its guest can read too.
import { Type } from 'typebox';
import { Reply, type Call } from '#platform/http/api.ts';
import type { ComputeDeps, ComputeExecutor, ComputeRoute } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { metadataSchema, strict } from '#compute/schema-types.ts';
import type { InstanceRow } from '#compute/tables.ts';
import { findServer, mayOverrideLock } from '../find-server.ts';
import { checkLock, checkState, SETTLED } from '../states.ts';
import { findInstance, updateInstance } from '../store.ts';

type Metadata = Record<string, string>;

const metadataOf = (row: InstanceRow): Metadata => JSON.parse(row.metadata_json) as Metadata;

async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { metadata: metadataOf(await findServer(call, deps, 'os_compute_api:server-metadata:index')) };
}

async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, 'os_compute_api:server-metadata:show');
  const key = call.params['key'] ?? '';
  const metadata = metadataOf(row);
  if (!Object.hasOwn(metadata, key)) throw missing();
  return { meta: { [key]: metadata[key] } };
}

const missing = (): NotFound => new NotFound('Metadata item was not found', 'no-such-metadata');

/** Reads and writes in one transaction, so that two changes at once both count. */
async function change(
  call: Call,
  deps: ComputeDeps,
  rule: string,
  next: (before: Metadata) => Metadata,
): Promise<Metadata> {
  const { id } = await findServer(call, deps, rule);
  return deps.db.transaction(async (trx) => {
    const row = await findInstance(trx, id);
    if (!row) throw missing();
    checkLock(row, mayOverrideLock(call));
    checkState('update metadata', row, { vm: SETTLED, task: 'any' });
    const after = next(metadataOf(row));
    await checkSize(trx, row, after);
    const updated_at = new Date(deps.clock.now()).toISOString();
    await updateInstance(trx, row.id, { metadata_json: JSON.stringify(after), updated_at });
    return after;
  });
}

async function checkSize(trx: ComputeExecutor, row: InstanceRow, metadata: Metadata): Promise<void> {
  const items = Object.keys(metadata).length;
  if (items > 0) await assertQuota(trx, row.project_id, row.user_id, { metadata_items: items });
}

const bodyOf = (call: Call): Metadata => (call.body as { readonly metadata: Metadata }).metadata;

async function add(call: Call, deps: ComputeDeps): Promise<unknown> {
  const metadata = await change(call, deps, 'os_compute_api:server-metadata:create', (before) => ({
    ...before,
    ...bodyOf(call),
  }));
  return { metadata };
}

async function replace(call: Call, deps: ComputeDeps): Promise<unknown> {
  return {
    metadata: await change(call, deps, 'os_compute_api:server-metadata:update_all', () => bodyOf(call)),
  };
}

async function updateItem(call: Call, deps: ComputeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const { meta } = call.body as { readonly meta: Metadata };
  if (Object.keys(meta).length !== 1 || !Object.hasOwn(meta, key))
    throw new InvalidInput('Request body and URI mismatch: the body must have the one key of the address.');
  await change(call, deps, 'os_compute_api:server-metadata:update', (before) => ({ ...before, ...meta }));
  return { meta };
}

async function removeItem(call: Call, deps: ComputeDeps): Promise<Reply> {
  const key = call.params['key'] ?? '';
  await change(call, deps, 'os_compute_api:server-metadata:delete', (before) => {
    if (!Object.hasOwn(before, key)) throw missing();
    return Object.fromEntries(Object.entries(before).filter(([each]) => each !== key));
  });
  return new Reply(204);
}

const path = '/v2.1/servers/:id/metadata';
const all = Type.Object({ metadata: metadataSchema }, strict);
const one = Type.Object({ meta: metadataSchema }, strict);

export const metadataRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: list },
  { method: 'POST', path, handler: add, body: all, errors: [409] },
  { method: 'PUT', path, handler: replace, body: all, errors: [409] },
  { method: 'GET', path: `${path}/:key`, handler: show },
  { method: 'PUT', path: `${path}/:key`, handler: updateItem, body: one, errors: [409] },
  { method: 'DELETE', path: `${path}/:key`, handler: removeItem, success: 204, errors: [409] },
];
