// os-retype: another type. Where the volume's backend does not offer it, the volume is moved to one that does, if the
// caller allows that (`on-demand`).
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { limitsOf, usedByProject } from '#volume/quota-sets/count.ts';
import { VolumeQuotaExceeded } from '#volume/quota-sets/errors.ts';
import { typedName, UNLIMITED } from '#volume/quota-sets/resources.ts';
import { refusalOf, runFilters } from '#volume/scheduler/filters.ts';
import { whyNotOnBackend } from '#volume/scheduler/fits-backend.ts';
import { loadBackends } from '#volume/scheduler/load-backends.ts';
import { weighBackends } from '#volume/scheduler/weighers.ts';
import type { NewTypeMessage } from '#volume/rpc.ts';
import type { VolumeRow, VolumeTables, VolumeTypeRow } from '#volume/tables.ts';
import { assertMovable, assertReadable, beginMigration, requestFor } from '../begin-migration.ts';
import { assertStatus, beginChange } from '../begin.ts';
import { findVolume } from '../find.ts';
import { TypeNotFound } from '#volume/types/errors.ts';
import { newKeyFor } from '#volume/keys/keys.ts';
import { setNextKey } from '#volume/keys/store.ts';
import {
  assertNotShared,
  encryptionOfType,
  isSameEncryption,
} from '#volume/types/encryption/encryption-of.ts';
import { findWholeVolume, updateVolume, type WholeVolume } from '../store.ts';
import { findUsableType, isSpecTrue, listExtraSpecs } from '../type-store.ts';

interface Body {
  readonly new_type: string;
  readonly migration_policy?: 'never' | 'on-demand' | null;
}

export async function retypeVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const whole = await findVolume(call, deps, 'volume:retype');
  const { volume } = whole;
  const body = (call.body as { 'os-retype': Body })['os-retype'];
  const caller = { projectId: call.principal.projectId, isAdmin: isAdmin(call.principal) };
  const type = await findUsableType(deps.db.kysely, body.new_type, caller);
  if (!type) throw new TypeNotFound(body.new_type);
  if (type.id === volume.volume_type_id)
    throw new InvalidInput(`Invalid input received: the volume has the type ${type.name} already.`);
  const specs = await listExtraSpecs(deps.db.kysely, type.id);
  const encryption = await encryptionChange(deps, volume, type, specs);
  const obstacle = await whyNotOnBackend(deps, volume, specs);
  if (obstacle !== undefined || encryption !== null) {
    if (body.migration_policy !== 'on-demand')
      throw new InvalidVolume(
        obstacle === undefined
          ? `the data of volume ${volume.id} must be copied to be encrypted as the type ${type.name} asks, and the migration policy is never.`
          : `the backend of volume ${volume.id} does not offer the type ${type.name} (${obstacle}), and the migration policy is never.`,
        'retype-needs-migration',
      );
    return obstacle === undefined
      ? reencrypt(call, deps, whole, { type, specs, encryption })
      : moveTo(call, deps, whole, { type, specs, encryption });
  }
  await deps.db.transaction(async (trx) => {
    const now = await findWholeVolume(trx, volume.id);
    if (!now) throw new VolumeNotFound(volume.id);
    assertStatus(now, ['available', 'in-use'], 'retype');
    const multiattach = isSpecTrue(specs['multiattach']) ? 1 : 0;
    if (multiattach !== now.volume.multiattach && now.attachments.length > 0)
      throw new InvalidVolume('a volume that is attached keeps whether it may be attached more than once.');
    await assertTypeQuota(trx, now.volume.project_id, type.name, now.volume.size);
    await updateVolume(trx, volume.id, {
      volume_type_id: type.id,
      multiattach,
      updated_at: isoTime(deps.clock),
    });
  });
}

interface NewType {
  readonly type: VolumeTypeRow;
  readonly specs: Readonly<Record<string, string>>;
  readonly encryption: NewTypeMessage['encryption'];
}

/** How the volume is to be encrypted from now on; null: as it is. @throws InvalidInput for an encryption that is not offered */
async function encryptionChange(
  { db }: Pick<VolumeDeps, 'db'>,
  { volume_type_id }: VolumeRow,
  type: VolumeTypeRow,
  specs: Readonly<Record<string, string>>,
): Promise<NewTypeMessage['encryption']> {
  const wanted = await encryptionOfType(db.kysely, type.id);
  assertNotShared(wanted, isSpecTrue(specs['multiattach']));
  if (isSameEncryption(await encryptionOfType(db.kysely, volume_type_id), wanted)) return null;
  return wanted ? 'luks' : 'none';
}

const newTypeOf = ({ type, specs, encryption }: NewType): NewTypeMessage => ({
  id: type.id,
  multiattach: isSpecTrue(specs['multiattach']),
  encryption,
});

/** The key that the volume gets in the end, stored with the intent. */
async function nextKeyOf(
  deps: VolumeDeps,
  { id }: VolumeRow,
  encryption: NewType['encryption'],
): Promise<(trx: Executor<VolumeTables>) => Promise<void>> {
  const key = encryption === 'luks' ? await newKeyFor(deps, id) : undefined;
  return async (trx) => setNextKey(trx, id, key);
}

/** Copied on its own backend. @throws InvalidVolume */
async function reencrypt(
  call: Call,
  deps: VolumeDeps,
  { volume }: WholeVolume,
  newType: NewType,
): Promise<void> {
  const setKey = await nextKeyOf(deps, volume, newType.encryption);
  await beginChange(call, deps, volume.id, {
    operation: 'retype',
    from: ['available'],
    lifecycle: 'retyping',
    deadlineMs: deps.config.transferMs,
    also: async (trx, whole) => {
      await assertMovable(trx, whole, volume, 'retype');
      await assertTypeQuota(trx, whole.volume.project_id, newType.type.name, whole.volume.size);
      await setKey(trx);
    },
    message: (backend, ref) => backend.message('reencryptVolume', { ...ref, new_type: newTypeOf(newType) }),
  });
}

/** @throws InvalidVolume when no other backend offers the type, or the volume can't be moved */
async function moveTo(call: Call, deps: VolumeDeps, whole: WholeVolume, newType: NewType): Promise<void> {
  const { type, specs } = newType;
  const { volume } = whole;
  assertStatus(whole, ['available'], 'retype');
  const backends = await loadBackends(deps.db.kysely, deps);
  assertReadable(
    backends.find(({ name }) => name === volume.host),
    volume,
  );
  const others = backends.filter(({ name }) => name !== volume.host);
  const request = requestFor(volume, volume.availability_zone, specs);
  const { survivors, rounds } = runFilters(others, request);
  const [best] = weighBackends(survivors, request);
  if (!best) throw new InvalidVolume(refusalOf(others.length, rounds), 'no-backend-for-type');
  const setKey = await nextKeyOf(deps, volume, newType.encryption);
  await beginMigration(call, deps, volume, {
    operation: 'retype',
    destination: best.backend,
    newType: newTypeOf(newType),
    also: async (trx, now) => {
      await assertTypeQuota(trx, now.volume.project_id, type.name, now.volume.size);
      await setKey(trx);
    },
  });
}

/** The limits of the new type alone: of the project's own nothing more is taken. */
async function assertTypeQuota(
  trx: Executor<VolumeTables>,
  projectId: string,
  typeName: string,
  size: number,
): Promise<void> {
  const limits = await limitsOf(trx, projectId);
  const used = await usedByProject(trx, projectId);
  for (const [quota, asked] of [
    ['volumes', 1],
    ['gigabytes', size],
  ] as const) {
    const name = typedName(quota, typeName);
    const limit = limits[name] ?? UNLIMITED;
    if (limit !== UNLIMITED && (used[name] ?? 0) + asked > limit)
      throw new VolumeQuotaExceeded({ name, asked, used: used[name] ?? 0, limit });
  }
}
