// Keeps QoS specs, and says which volume types have them.
import { isoTime } from '#platform/context/clock.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation, type Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound, VolumeConflict } from '#volume/errors.ts';
import { nextPageLink, pageOf } from '#volume/listing.ts';
import { readBoolean } from '#volume/paging.ts';
import type { QosSpecsRow, VolumeTables } from '#volume/tables.ts';
import { linksOf } from '#volume/volumes/view.ts';
import { TypeNotFound } from '../types/errors.ts';
import { findType, updateType } from '../types/store.ts';
import {
  disassociateTypes,
  findQosSpecs,
  insertQosSpecs,
  listQosSpecs,
  listTypesOf,
  removeQosSpecs,
  updateQosSpecs,
} from './store.ts';

type Specs = Record<string, string>;

const specsOf = (row: QosSpecsRow): Specs => JSON.parse(row.specs_json) as Specs;

const view = (row: QosSpecsRow): Record<string, unknown> => ({
  id: row.id,
  name: row.name,
  consumer: row.consumer,
  specs: specsOf(row),
});

const shown = (call: Call, row: QosSpecsRow): unknown => ({
  qos_specs: view(row),
  links: linksOf(call, 'qos-specs', row.id),
});

async function getQosSpecs(call: Call, db: Executor<VolumeTables>): Promise<QosSpecsRow> {
  const id = call.params['id'] ?? '';
  const row = await findQosSpecs(db, id);
  if (!row) throw new ResourceNotFound('QoS specs', id);
  return row;
}

export async function list(call: Call, { db, config }: VolumeDeps): Promise<unknown> {
  const page = pageOf(call.query, await listQosSpecs(db.kysely), {
    what: 'QoS specs',
    sortable: {
      id: (row) => row.id,
      name: (row) => row.name,
      consumer: (row) => row.consumer,
      created_at: (row) => row.created_at,
    },
    maxLimit: config.maxLimit,
  });
  return { qos_specs: page.rows.map(view), ...nextPageLink(call, 'qos_specs', page) };
}

export async function show(call: Call, { db }: VolumeDeps): Promise<unknown> {
  return shown(call, await getQosSpecs(call, db.kysely));
}

const CONSUMERS: ReadonlySet<string> = new Set(['front-end', 'back-end', 'both']);

function readConsumer(consumer: string): QosSpecsRow['consumer'] {
  if (!CONSUMERS.has(consumer))
    throw new InvalidInput(
      `Valid consumer of QoS specs are: front-end, back-end, both. Not '${consumer.slice(0, 255)}'.`,
    );
  return consumer as QosSpecsRow['consumer'];
}

export async function create(call: Call, { db, clock }: VolumeDeps): Promise<unknown> {
  const {
    name,
    consumer = 'back-end',
    ...specs
  } = (call.body as { qos_specs: Specs & { name: string } }).qos_specs;
  const row: QosSpecsRow = {
    id: crypto.randomUUID(),
    name: name.trim(),
    consumer: readConsumer(consumer),
    specs_json: JSON.stringify(specs),
    created_at: isoTime(clock),
  };
  try {
    await insertQosSpecs(db.kysely, row);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new VolumeConflict(`QoS specs ${row.name} already exists.`, 'qos-specs-exist');
  }
  return shown(call, row);
}

/** Sets some keys; the others stay. */
export async function update(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const given = (call.body as { qos_specs: Specs }).qos_specs;
  const { consumer, ...specs } = given;
  await db.transaction(async (trx) => {
    const row = await getQosSpecs(call, trx);
    await updateQosSpecs(trx, row.id, {
      ...(consumer === undefined ? {} : { consumer: readConsumer(consumer) }),
      specs_json: JSON.stringify({ ...specsOf(row), ...specs }),
    });
  });
  return { qos_specs: given };
}

/** `force`: also when types have them; these then have none. */
export async function remove(call: Call, { db }: VolumeDeps): Promise<Reply> {
  const force = readBoolean('force', call.query.get('force') ?? 'false');
  await db.transaction(async (trx) => {
    const row = await getQosSpecs(call, trx);
    if (!force && (await listTypesOf(trx, row.id)).length > 0)
      throw new InvalidInput(
        `QoS specs ${row.id} are still associated with volume types.`,
        'qos-specs-in-use',
      );
    await disassociateTypes(trx, row.id);
    await removeQosSpecs(trx, row.id);
  });
  return new Reply(202);
}

/** Not an action by the path, but a PUT with the keys that are to go. */
export async function deleteKeys(call: Call, { db }: VolumeDeps): Promise<Reply> {
  const { keys } = call.body as { keys: readonly string[] };
  await db.transaction(async (trx) => {
    const row = await getQosSpecs(call, trx);
    const specs = specsOf(row);
    for (const key of keys) {
      if (!Object.hasOwn(specs, key)) throw new ResourceNotFound('QoS specs key', key);
      delete specs[key];
    }
    await updateQosSpecs(trx, row.id, { specs_json: JSON.stringify(specs) });
  });
  return new Reply(202);
}

export async function listAssociations(call: Call, { db }: VolumeDeps): Promise<unknown> {
  const row = await getQosSpecs(call, db.kysely);
  const types = await listTypesOf(db.kysely, row.id);
  return {
    qos_associations: types.map(({ id, name }) => ({ association_type: 'volume_type', id, name })),
  };
}

/** Upstream associates by GET, and clients do. */
export async function associate(call: Call, { db }: VolumeDeps): Promise<Reply> {
  const typeId = readTypeId(call);
  await db.transaction(async (trx) => {
    const row = await getQosSpecs(call, trx);
    const type = await findType(trx, typeId, EVERYTHING);
    if (!type) throw new TypeNotFound(typeId);
    if (type.qos_specs_id !== null && type.qos_specs_id !== row.id)
      throw new InvalidInput(
        `Type ${type.id} is already associated with another QoS specs: ${type.qos_specs_id}`,
      );
    await updateType(trx, type.id, { qos_specs_id: row.id });
  });
  return new Reply(202);
}

export async function disassociate(call: Call, { db }: VolumeDeps): Promise<Reply> {
  const typeId = readTypeId(call);
  await db.transaction(async (trx) => {
    const row = await getQosSpecs(call, trx);
    const type = await findType(trx, typeId, EVERYTHING);
    if (!type) throw new TypeNotFound(typeId);
    if (type.qos_specs_id === row.id) await updateType(trx, type.id, { qos_specs_id: null });
  });
  return new Reply(202);
}

export async function disassociateAll(call: Call, { db }: VolumeDeps): Promise<Reply> {
  await db.transaction(async (trx) => disassociateTypes(trx, (await getQosSpecs(call, trx)).id));
  return new Reply(202);
}

const EVERYTHING = { projectId: undefined, all: true } as const;

function readTypeId(call: Call): string {
  const id = call.query.get('vol_type_id');
  if (id === null || id === '') throw new InvalidInput('Volume Type id must not be None.');
  return id;
}
