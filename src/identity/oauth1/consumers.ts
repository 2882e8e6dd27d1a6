// List, show, create, update, remove a consumer: a program that users may let act for them. Its secret is shown once.
import { Type, type Static } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ConsumerRow } from '../database.ts';
import { newId, type IdentityDeps } from '../deps.ts';
import { Invalid, NotFound } from '../errors.ts';
import { listAnswer } from '../listing.ts';
import { defined, extraOf, lookUp, mergedExtra, Nullable, parseObject, Text } from '../resource.ts';
import { findConsumer, insertConsumer, listConsumerRows, removeConsumer, updateConsumer } from './store.ts';

const KNOWN = ['description', 'secret'];
const Attributes = { description: Type.Optional(Nullable(Text)) };

export const createConsumerBody = Type.Object({ consumer: Type.Optional(Type.Object(Attributes)) });
export const updateConsumerBody = Type.Object({ consumer: Type.Object(Attributes, { minProperties: 1 }) });
type CreateConsumer = Static<typeof createConsumerBody>;
type UpdateConsumer = Static<typeof updateConsumerBody>;

function view(row: ConsumerRow, baseUrl: string): Record<string, unknown> & { id: string } {
  return {
    ...parseObject(row.extra),
    id: row.id,
    description: row.description,
    links: { self: `${baseUrl}/v3/OS-OAUTH1/consumers/${row.id}` },
  };
}

export async function listConsumers(call: Call, deps: IdentityDeps): Promise<unknown> {
  const rows = await listConsumerRows(deps.db.kysely);
  return listAnswer(
    call,
    'consumers',
    rows.map((row) => view(row, call.baseUrl)),
    [],
  );
}

export async function showConsumer(call: Call, deps: IdentityDeps): Promise<unknown> {
  return { consumer: view(await getConsumer(call, deps), call.baseUrl) };
}

export async function createConsumer(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { consumer = {} } = call.body as CreateConsumer;
  const secret = newId();
  const row: ConsumerRow = {
    id: newId(),
    description: consumer.description ?? null,
    sealed_secret: deps.credentialKeys.seal(Buffer.from(secret, 'utf8'), deps.clock.now()),
    extra: JSON.stringify(extraOf(consumer, KNOWN)),
  };
  await deps.db.transaction(async (trx) => insertConsumer(trx, row));
  return { consumer: { ...view(row, call.baseUrl), secret } };
}

export async function updateOneConsumer(call: Call, deps: IdentityDeps): Promise<unknown> {
  const row = await getConsumer(call, deps);
  const { consumer } = call.body as UpdateConsumer;
  if (Object.hasOwn(consumer, 'secret')) throw new Invalid('The secret of a consumer cannot be changed.');
  if (((consumer as { id?: unknown }).id ?? row.id) !== row.id) {
    throw new Invalid('Cannot change consumer ID');
  }
  const changes = defined<ConsumerRow>({
    description: consumer.description,
    extra: mergedExtra(row, consumer, KNOWN),
  });
  await deps.db.transaction(async (trx) => updateConsumer(trx, row.id, changes));
  return { consumer: view({ ...row, ...changes }, call.baseUrl) };
}

export async function removeOneConsumer(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { id } = await getConsumer(call, deps);
  await deps.db.transaction(async (trx) => removeConsumer(trx, id));
  await deps.revocations.announce({ all: true }); // any user may have let it act
  return undefined;
}

async function getConsumer(call: Call, deps: IdentityDeps): Promise<ConsumerRow> {
  const id = call.params['id'] ?? '';
  const row = await lookUp(id, async (key) => findConsumer(deps.db.kysely, key));
  if (!row) throw new NotFound('consumer', id);
  return row;
}
