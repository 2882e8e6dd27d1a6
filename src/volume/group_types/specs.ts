// Lists, shows, sets and removes the specs of a group type.
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { getGroupType } from './handlers.ts';
import { removeGroupSpec, saveGroupSpecs } from './store.ts';

export async function list(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { group_specs: (await getGroupType(call, deps)).specs };
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const { specs } = await getGroupType(call, deps);
  if (!Object.hasOwn(specs, key)) throw new ResourceNotFound('Group spec', key);
  return { [key]: specs[key] };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { id } = await getGroupType(call, deps);
  const { group_specs } = call.body as { group_specs: Record<string, string> };
  await deps.db.transaction(async (trx) => saveGroupSpecs(trx, id, group_specs));
  return { group_specs };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { id } = await getGroupType(call, deps);
  const key = call.params['key'] ?? '';
  const specs = call.body as Record<string, string>;
  if (!Object.hasOwn(specs, key) || Object.keys(specs).length > 1)
    throw new InvalidInput(
      'Request body and URI mismatch: the body holds the key of the path, and no other.',
    );
  await deps.db.transaction(async (trx) => saveGroupSpecs(trx, id, specs));
  return specs;
}

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const { id } = await getGroupType(call, deps);
  const key = call.params['key'] ?? '';
  if (!(await removeGroupSpec(deps.db.kysely, id, key))) throw new ResourceNotFound('Group spec', key);
}
