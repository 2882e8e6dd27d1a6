// Lists, shows, sets and removes the extra specs of a volume type.
import { Reply, type Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import { getType } from '../handlers.ts';
import { removeExtraSpec, saveExtraSpecs } from '../store.ts';
import { visibleSpecs } from '../view.ts';

export async function list(call: Call, deps: VolumeDeps): Promise<unknown> {
  return { extra_specs: visibleSpecs(call, await getType(call, deps)) };
}

export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const specs = visibleSpecs(call, await getType(call, deps));
  if (!Object.hasOwn(specs, key)) throw new ResourceNotFound('Volume type extra spec', key);
  return { [key]: specs[key] };
}

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const { extra_specs } = call.body as { extra_specs: Record<string, string> };
  await deps.db.transaction(async (trx) => saveExtraSpecs(trx, type.id, extra_specs));
  return { extra_specs };
}

export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const key = call.params['key'] ?? '';
  const specs = call.body as Record<string, string>;
  if (!Object.hasOwn(specs, key))
    throw new InvalidInput('Request body and URI mismatch: the body must hold the key of the path.');
  if (Object.keys(specs).length > 1) throw new InvalidInput('Request body contains too many items.');
  await deps.db.transaction(async (trx) => saveExtraSpecs(trx, type.id, specs));
  return specs;
}

export async function remove(call: Call, deps: VolumeDeps): Promise<Reply> {
  const type = await getType(call, deps);
  const key = call.params['key'] ?? '';
  if (!(await removeExtraSpec(deps.db.kysely, type.id, key)))
    throw new ResourceNotFound('Volume type extra spec', key);
  return new Reply(202);
}
