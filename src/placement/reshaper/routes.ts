// `/reshaper`: moves inventories and allocations between providers in one step, where doing one after the other is impossible.
import { replaceAllocations } from '#placement/allocations/store.ts';
import { consumerId, wantedOf, type AllocationBody } from '#placement/allocations/handlers.ts';
import { reshapeAllocations } from '#placement/allocations/schema.ts';
import type { PlacementDeps, PlacementExecutor, PlacementRoute } from '#placement/deps.ts';
import { BadRequest, Conflict } from '#placement/errors.ts';
import { generation, inventories } from '#placement/inventories/schema.ts';
import { usageOf } from '#placement/inventories/store.ts';
import { inventoryProblem, inventoryRow, type InventoryJson } from '#placement/inventories/view.ts';
import { assertClasses } from '#placement/names.ts';
import { bumpGeneration, getProvider } from '#placement/resource-providers/store.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { Type } from 'typebox';
import { saveInventories, dropInventories } from './store.ts';

const uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$' });
const strict = { additionalProperties: false } as const;
const byProvider = Type.Record(
  uuid,
  Type.Object({ resource_provider_generation: generation, inventories }, strict),
  { ...strict, minProperties: 1 },
);

export const reshaperRoutes: readonly PlacementRoute[] = [
  {
    method: 'POST',
    path: '/reshaper',
    handler: reshape,
    policy: 'placement:reshaper:reshape',
    body: reshapeAllocations.map(({ since, schema }) => ({
      since,
      schema: Type.Object({ inventories: byProvider, allocations: schema }, strict),
    })),
    since: '1.30',
    errors: [409],
  },
];

interface Body {
  readonly inventories: Readonly<
    Record<
      string,
      { resource_provider_generation: number; inventories: Readonly<Record<string, InventoryJson>> }
    >
  >;
  readonly allocations: Readonly<Record<string, AllocationBody>>;
}

async function reshape(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const body = call.body as Body;
  const now = isoTime(clock);
  await db.transaction(async (trx) => {
    const gone: Array<{ providerId: string; kept: string[] }> = [];
    for (const [id, each] of Object.entries(body.inventories))
      gone.push(await addInventories(trx, id, each, now));
    const wanted = Object.entries(body.allocations).map(([consumer, allocation]) =>
      wantedOf(consumerId(consumer), allocation),
    );
    await replaceAllocations(trx, wanted, now);
    // What goes must be empty by now.
    for (const { providerId, kept } of gone) {
      const busy = [...(await usageOf(trx, providerId)).keys()].filter((name) => !kept.includes(name));
      if (busy.length > 0)
        throw new Conflict(
          `Inventory for '${busy.join(', ')}' on resource provider '${providerId}' in use.`,
          'inventory-in-use',
        );
      await dropInventories(trx, providerId, kept);
    }
  });
  return new Reply(204);
}

async function addInventories(
  trx: PlacementExecutor,
  id: string,
  wanted: Body['inventories'][string],
  now: string,
): Promise<{ providerId: string; kept: string[] }> {
  const provider = await getProvider(trx, id);
  await bumpGeneration(trx, provider, wanted.resource_provider_generation, now);
  const rows = Object.entries(wanted.inventories).map(([name, json]) =>
    inventoryRow(provider.id, name, json, now),
  );
  const kept = rows.map((row) => row.resource_class);
  await assertClasses(trx, kept);
  for (const row of rows) {
    const problem = inventoryProblem(row, true);
    if (problem) throw new BadRequest(problem);
  }
  await saveInventories(trx, rows);
  return { providerId: provider.id, kept };
}
