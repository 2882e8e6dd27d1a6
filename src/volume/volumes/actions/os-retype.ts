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
import type { VolumeTables, VolumeTypeRow } from '#volume/tables.ts';
import { assertReadable, beginMigration, requestFor } from '../begin-migration.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { TypeNotFound } from '#volume/types/errors.ts';
import { refuseEncryptedType } from '#volume/types/encryption/handlers.ts';
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
  await refuseEncryptedType(deps.db.kysely, type.id);
  const specs = await listExtraSpecs(deps.db.kysely, type.id);
  const obstacle = await whyNotOnBackend(deps, volume, specs);
  if (obstacle !== undefined) {
    if (body.migration_policy !== 'on-demand')
      throw new InvalidVolume(
        `the backend of volume ${volume.id} does not offer the type ${type.name} (${obstacle}), and the migration policy is never.`,
        'retype-needs-migration',
      );
    return moveTo(call, deps, whole, { type, specs });
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
}

/** @throws InvalidVolume when no other backend offers the type, or the volume can't be moved */
async function moveTo(
  call: Call,
  deps: VolumeDeps,
  whole: WholeVolume,
  { type, specs }: NewType,
): Promise<void> {
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
  await beginMigration(call, deps, volume, {
    operation: 'retype',
    destination: best.backend,
    newType: { id: type.id, multiattach: isSpecTrue(specs['multiattach']) },
    also: async (trx, now) => assertTypeQuota(trx, now.volume.project_id, type.name, now.volume.size),
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
