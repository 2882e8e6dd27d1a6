// The encryption of a volume type: kept as it is given, and shown. Whether it can be done is asked when a volume is to have it
// (encryption-of.ts).
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, ResourceNotFound } from '#volume/errors.ts';
import type { VolumeTypeEncryptionRow } from '#volume/tables.ts';
import { shownTime, shownTimeOrNull } from '#volume/times.ts';
import { TypeInUse } from '../errors.ts';
import { getType } from '../handlers.ts';
import { isTypeInUse } from '../store.ts';
import { findEncryption, insertEncryption, removeEncryption, updateEncryption } from './store.ts';

const specsOf = (row: VolumeTypeEncryptionRow): Record<string, unknown> => ({
  provider: row.provider,
  cipher: row.cipher,
  key_size: row.key_size,
  control_location: row.control_location,
});

/** Flat, and empty when the type has none: as upstream answers it. */
export async function show(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const row = await findEncryption(deps.db.kysely, type.id);
  if (!row) return {};
  return {
    volume_type_id: type.id,
    encryption_id: row.id,
    ...specsOf(row),
    deleted: false,
    created_at: shownTime(row.created_at),
    updated_at: shownTimeOrNull(row.updated_at),
    deleted_at: null,
  };
}

export async function showItem(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const key = call.params['key'] ?? '';
  const row = await findEncryption(deps.db.kysely, type.id);
  const shown = row ? { ...specsOf(row), encryption_id: row.id } : {};
  if (!Object.hasOwn(shown, key)) throw new ResourceNotFound('Volume type encryption', key);
  return { [key]: (shown as Record<string, unknown>)[key] };
}

interface Given {
  readonly provider?: string;
  readonly cipher?: string | null;
  readonly key_size?: number | string | null;
  readonly control_location?: VolumeTypeEncryptionRow['control_location'];
}

const changesOf = (given: Given): Partial<VolumeTypeEncryptionRow> => ({
  ...(given.provider === undefined ? {} : { provider: given.provider }),
  ...(given.cipher === undefined ? {} : { cipher: given.cipher }),
  ...(given.key_size === undefined
    ? {}
    : { key_size: given.key_size === null ? null : Number(given.key_size) }),
  ...(given.control_location === undefined ? {} : { control_location: given.control_location }),
});

export async function create(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const given = (call.body as { encryption: Given & { provider: string } }).encryption;
  const row: VolumeTypeEncryptionRow = {
    volume_type_id: type.id,
    id: crypto.randomUUID(),
    provider: given.provider,
    cipher: null,
    key_size: null,
    control_location: 'front-end',
    created_at: isoTime(deps.clock),
    updated_at: null,
    ...changesOf(given),
  };
  try {
    await deps.db.transaction(async (trx) => {
      if (await isTypeInUse(trx, type.id)) throw new TypeInUse('create encryption specs');
      await insertEncryption(trx, row);
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new InvalidInput(`Volume type encryption for type ${type.id} already exists.`);
  }
  return { encryption: { volume_type_id: type.id, encryption_id: row.id, ...specsOf(row) } };
}

/** Answers what was asked for alone, as upstream does. */
export async function update(call: Call, deps: VolumeDeps): Promise<unknown> {
  const type = await getType(call, deps);
  const { encryption } = call.body as { encryption: Given };
  await deps.db.transaction(async (trx) => {
    if (!(await findEncryption(trx, type.id))) throw new ResourceNotFound('Volume type encryption', type.id);
    if (await isTypeInUse(trx, type.id)) throw new TypeInUse('update encryption specs');
    await updateEncryption(trx, type.id, { ...changesOf(encryption), updated_at: isoTime(deps.clock) });
  });
  return { encryption: changesOf(encryption) };
}

export async function remove(call: Call, deps: VolumeDeps): Promise<void> {
  const type = await getType(call, deps);
  await deps.db.transaction(async (trx) => {
    if (await isTypeInUse(trx, type.id)) throw new TypeInUse('delete encryption specs');
    if (!(await removeEncryption(trx, type.id)))
      throw new ResourceNotFound('Volume type encryption', type.id);
  });
}
