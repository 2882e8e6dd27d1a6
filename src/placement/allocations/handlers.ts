// Reads and sets what consumers have.
import { ok } from '#placement/answers.ts';
import type { PlacementDeps } from '#placement/deps.ts';
import { BadRequest, NotFound } from '#placement/errors.ts';
import { normalUuid } from '#placement/query.ts';
import { getProvider } from '#placement/resource-providers/store.ts';
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import {
  findConsumer,
  listOfConsumer,
  listOfProvider,
  removeAllocations,
  replaceAllocations,
  type WantedAllocations,
} from './store.ts';

const UNKNOWN_OWNER = '00000000-0000-0000-0000-000000000000'; // as upstream: a consumer of a version that names none

export interface AllocationBody {
  readonly allocations:
    | ReadonlyArray<{
        readonly resource_provider: { readonly uuid: string };
        readonly resources: Readonly<Record<string, number>>;
      }>
    | Readonly<Record<string, { readonly resources: Readonly<Record<string, number>> }>>;
  readonly project_id?: string;
  readonly user_id?: string;
  readonly consumer_generation?: number | null;
  readonly consumer_type?: string;
}

/** @throws BadRequest for a consumer that is no UUID */
export function consumerId(text: string): string {
  const id = normalUuid(text);
  if (id === undefined) throw new BadRequest(`Malformed consumer_uuid: ${text.slice(0, 255)}`);
  return id;
}

export function wantedOf(consumer: string, body: AllocationBody): WantedAllocations {
  const pairs = Array.isArray(body.allocations)
    ? (body.allocations as Extract<AllocationBody['allocations'], readonly unknown[]>).map(
        (each) => [each.resource_provider.uuid, each.resources] as const,
      )
    : Object.entries(
        body.allocations as Extract<AllocationBody['allocations'], Readonly<Record<string, unknown>>>,
      ).map(([id, each]) => [id, each.resources] as const);
  return {
    consumerId: consumer,
    projectId: body.project_id ?? UNKNOWN_OWNER,
    userId: body.user_id ?? UNKNOWN_OWNER,
    consumerType: body.consumer_type,
    consumerGeneration: body.consumer_generation,
    byProvider: new Map(pairs.map(([id, resources]) => [normalUuid(id) ?? id, resources])),
  };
}

export async function show(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const id = call.params['consumer'] ?? '';
  const consumer = await findConsumer(db.kysely, normalUuid(id) ?? id);
  const rows = consumer ? await listOfConsumer(db.kysely, consumer.id) : [];
  const allocations: Record<string, { generation: number; resources: Record<string, number> }> = {};
  for (const row of rows) {
    const entry = (allocations[row.provider_id] ??= { generation: row.generation, resources: {} });
    entry.resources[row.resource_class] = row.used;
  }
  const since = (version: '1.12' | '1.28' | '1.38'): boolean =>
    consumer !== undefined && rows.length > 0 && atLeast(call.microversion, version);
  const body = {
    allocations,
    ...(since('1.12') ? { project_id: consumer?.project_id, user_id: consumer?.user_id } : {}),
    ...(since('1.28') ? { consumer_generation: consumer?.generation } : {}),
    ...(since('1.38') ? { consumer_type: consumer?.consumer_type ?? 'unknown' } : {}),
  };
  return ok(
    call,
    body,
    rows.map((row) => row.updated_at),
  );
}

export async function put(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const wanted = wantedOf(consumerId(call.params['consumer'] ?? ''), call.body as AllocationBody);
  await db.transaction(async (trx) => replaceAllocations(trx, [wanted], isoTime(clock)));
  return new Reply(204);
}

export async function post(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const bodies = Object.entries(call.body as Record<string, AllocationBody>);
  const wanted = bodies.map(([consumer, body]) => wantedOf(consumerId(consumer), body));
  await db.transaction(async (trx) => replaceAllocations(trx, wanted, isoTime(clock)));
  return new Reply(204);
}

export async function remove(call: Call, { db, clock }: PlacementDeps): Promise<Reply> {
  const text = call.params['consumer'] ?? '';
  const removed = await db.transaction(async (trx) =>
    removeAllocations(trx, normalUuid(text) ?? text, isoTime(clock)),
  );
  if (!removed) throw new NotFound(`No allocations for consumer '${text.slice(0, 255)}'`);
  return new Reply(204);
}

export async function listOfOneProvider(call: Call, { db }: PlacementDeps): Promise<Reply> {
  const provider = await getProvider(db.kysely, call.params['id'] ?? '');
  const rows = await listOfProvider(db.kysely, provider.id);
  const allocations: Record<string, { resources: Record<string, number>; consumer_generation?: number }> = {};
  for (const row of rows) {
    const generation = atLeast(call.microversion, '1.28')
      ? { consumer_generation: row.consumer_generation }
      : {};
    const entry = (allocations[row.consumer_id] ??= { resources: {}, ...generation });
    entry.resources[row.resource_class] = row.used;
  }
  return ok(
    call,
    { allocations, resource_provider_generation: provider.generation },
    rows.map((row) => row.updated_at),
  );
}
