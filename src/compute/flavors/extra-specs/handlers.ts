// Reads and changes the extra specs of a flavor.
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput, NotFound } from '#compute/errors.ts';
import type { FlavorRow } from '#compute/flavors/tables.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { getFlavor } from '../handlers.ts';
import { FlavorNotFound } from '../errors.ts';
import { findFlavor, updateFlavor } from '../store.ts';
import { specProblem } from './validate.ts';

type Specs = Record<string, string>;

const specsOf = (flavor: FlavorRow): Specs => JSON.parse(flavor.extra_specs_json) as Specs;

export async function list(call: Call, deps: ComputeDeps): Promise<unknown> {
  return { extra_specs: specsOf(await getFlavor(call, deps)) };
}

export async function show(call: Call, deps: ComputeDeps): Promise<unknown> {
  const flavor = await getFlavor(call, deps);
  const key = call.params['key'] ?? '';
  return { [key]: valueOf(flavor, key) };
}

function valueOf(flavor: FlavorRow, key: string): string {
  const specs = specsOf(flavor);
  const value = Object.hasOwn(specs, key) ? specs[key] : undefined;
  if (value === undefined)
    throw new NotFound(`Flavor ${flavor.flavor_id} has no extra specs with key ${key}.`, 'no-extra-spec');
  return value;
}

export async function create(call: Call, deps: ComputeDeps): Promise<unknown> {
  const { extra_specs } = call.body as { extra_specs: Record<string, string | number> };
  const added = readSpecs(call, extra_specs);
  await change(call, deps, (specs) => ({ ...specs, ...added }));
  return { extra_specs: added };
}

export async function update(call: Call, deps: ComputeDeps): Promise<unknown> {
  const key = call.params['key'] ?? '';
  const body = call.body as Record<string, string | number>;
  if (!Object.hasOwn(body, key)) throw new InvalidInput('Request body and URI mismatch');
  const changed = readSpecs(call, body);
  await change(call, deps, (specs) => ({ ...specs, ...changed }));
  return changed;
}

export async function remove(call: Call, deps: ComputeDeps): Promise<Reply> {
  const key = call.params['key'] ?? '';
  await change(call, deps, (specs, flavor) => {
    valueOf(flavor, key);
    return Object.fromEntries(Object.entries(specs).filter(([name]) => name !== key));
  });
  return new Reply(200);
}

function readSpecs(call: Call, given: Readonly<Record<string, string | number>>): Specs {
  const specs = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)]));
  if (!atLeast(call.microversion, '2.86')) return specs;
  for (const [key, value] of Object.entries(specs)) {
    const problem = specProblem(key, value);
    if (problem) throw new InvalidInput(problem, 'invalid-extra-spec');
  }
  return specs;
}

/** Read and written in one transaction, so that changes at once don't undo each other. */
async function change(
  call: Call,
  deps: ComputeDeps,
  next: (specs: Specs, flavor: FlavorRow) => Specs,
): Promise<void> {
  const { flavor_id } = await getFlavor(call, deps);
  await deps.db.transaction(async (trx) => {
    const flavor = await findFlavor(trx, flavor_id, { projectId: undefined, all: true });
    if (!flavor) throw new FlavorNotFound(flavor_id);
    await updateFlavor(trx, flavor_id, { extra_specs_json: JSON.stringify(next(specsOf(flavor), flavor)) });
  });
}
