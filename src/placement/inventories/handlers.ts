// Reads and changes what a provider has.
import { DomainError } from '#platform/errors/domain-error.ts';
import { locationOf, ok, timeHeaders } from '#placement/answers.ts';
import type { PlacementDeps, PlacementExecutor } from '#placement/deps.ts';
import { BadRequest, NotFound, providerConflict } from '#placement/errors.ts';
import { assertClasses } from '#placement/names.ts';
import { bumpGeneration, getProvider } from '#placement/resource-providers/store.ts';
import type { InventoryRow, ResourceProviderRow } from '#placement/tables.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listInventories, replaceInventories } from './store.ts';
import { inventoryProblem, inventoryRow, inventoryView, type InventoryJson } from './view.ts';

export async function list(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  const rows = await listInventories(db.kysely, provider.id);
  return ok(
    call,
    allView(rows, provider.generation),
    rows.map((row) => row.updated_at),
  );
}

function allView(rows: readonly InventoryRow[], generation: number): unknown {
  return {
    inventories: Object.fromEntries(rows.map((row) => [row.resource_class, inventoryView(row)])),
    resource_provider_generation: generation,
  };
}

async function getInventory(
  db: PlacementExecutor,
  provider: ResourceProviderRow,
  name: string,
): Promise<InventoryRow> {
  const row = (await listInventories(db, provider.id)).find((each) => each.resource_class === name);
  if (!row) throw new NotFound(`No inventory of class ${name.slice(0, 255)} for ${provider.id}`);
  return row;
}

export async function show(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  const row = await getInventory(db.kysely, provider, call.params['class'] ?? '');
  return ok(call, { ...inventoryView(row), resource_provider_generation: provider.generation }, [
    row.updated_at,
  ]);
}

interface Change {
  readonly expected: number | null;
  readonly next: (
    rows: readonly InventoryRow[],
    provider: ResourceProviderRow,
    now: string,
  ) => readonly InventoryRow[];
}

/** One transaction: generation, checks, the new set. */
async function change(
  call: Call,
  { db, clock }: PlacementDeps,
  { expected, next }: Change,
): Promise<{ rows: readonly InventoryRow[]; generation: number }> {
  return db.transaction(async (trx) => {
    const now = isoTime(clock);
    const provider = await getProvider(trx, call.params['id'] ?? '');
    const generation = await bumpGeneration(trx, provider, expected, now);
    const rows = next(await listInventories(trx, provider.id), provider, now);
    await assertClasses(
      trx,
      rows.map((row) => row.resource_class),
    );
    for (const row of rows) {
      const problem = inventoryProblem(row, atLeast(call.microversion, '1.26'));
      if (problem) throw new BadRequest(problem);
    }
    await replaceInventories(trx, provider.id, rows);
    return { rows, generation };
  });
}

interface SetBody {
  readonly resource_provider_generation: number;
  readonly inventories: Readonly<Record<string, InventoryJson>>;
}

export async function replace(call: Call, deps: PlacementDeps): Promise<Reply> {
  const body = call.body as SetBody;
  const { rows, generation } = await change(call, deps, {
    expected: body.resource_provider_generation,
    next: (_rows, provider, now) =>
      Object.entries(body.inventories).map(([name, json]) => inventoryRow(provider.id, name, json, now)),
  });
  return ok(
    call,
    allView(rows, generation),
    rows.map((row) => row.updated_at),
  );
}

type OneBody = InventoryJson & {
  readonly resource_class: string;
  readonly resource_provider_generation?: number;
};

export async function create(call: Call, deps: PlacementDeps): Promise<Reply> {
  const body = call.body as OneBody;
  const { rows, generation } = await change(call, deps, {
    expected: body.resource_provider_generation ?? null,
    next: (old, provider, now) => {
      if (old.some((row) => row.resource_class === body.resource_class))
        throw providerConflict(`Update conflict: inventory of ${body.resource_class} exists already`);
      return [...old, inventoryRow(provider.id, body.resource_class, body, now)];
    },
  });
  const made = rows.at(-1)!; // just added
  const location = locationOf(
    call,
    `/resource_providers/${made.provider_id}/inventories/${made.resource_class}`,
  );
  const view = { ...inventoryView(made), resource_provider_generation: generation };
  return new Reply(201, view, { location, ...timeHeaders(call, [made.updated_at]) });
}

export async function update(call: Call, deps: PlacementDeps): Promise<Reply> {
  const body = call.body as OneBody;
  const name = call.params['class'] ?? '';
  const { rows, generation } = await change(call, deps, {
    expected: body.resource_provider_generation ?? null,
    next: (old, provider, now) => {
      const known = old.some((row) => row.resource_class === name);
      if (!known)
        throw new BadRequest(
          `No inventory record with resource class ${name.slice(0, 255)} on resource provider ${provider.id}`,
        );
      return old.map((row) =>
        row.resource_class === name ? inventoryRow(provider.id, name, body, now) : row,
      );
    },
  });
  const row = rows.find((each) => each.resource_class === name)!; // kept above
  return ok(call, { ...inventoryView(row), resource_provider_generation: generation }, [row.updated_at]);
}

export async function remove(call: Call, deps: PlacementDeps): Promise<Reply> {
  const name = call.params['class'] ?? '';
  await change(call, deps, {
    expected: null,
    next: (old, provider) => {
      if (!old.some((row) => row.resource_class === name))
        throw new NotFound(
          `No inventory of class ${name.slice(0, 255)} found for delete on resource provider ${provider.id}`,
        );
      return old.filter((row) => row.resource_class !== name);
    },
  });
  return new Reply(204);
}

/** Before 1.5 only single inventories could be deleted. @throws DomainError method-not-allowed */
export async function refuseRemoveAll(): Promise<never> {
  throw new DomainError(
    'method-not-allowed',
    'method-not-allowed',
    'The method is not allowed for this resource.',
  );
}

export async function removeAll(call: Call, deps: PlacementDeps): Promise<Reply> {
  await change(call, deps, { expected: null, next: () => [] });
  return new Reply(204);
}
