// os-retype: another type, where the volume's backend offers it. Data are never moved for it.
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput, InvalidVolume, VolumeNotFound } from '#volume/errors.ts';
import { limitsOf, usedByProject } from '#volume/quota-sets/count.ts';
import { VolumeQuotaExceeded } from '#volume/quota-sets/errors.ts';
import { typedName, UNLIMITED } from '#volume/quota-sets/resources.ts';
import type { VolumeTables } from '#volume/tables.ts';
import { whyNotOnBackend } from '#volume/scheduler/fits-backend.ts';
import { assertStatus } from '../begin.ts';
import { findVolume } from '../find.ts';
import { refuseEncryptedType } from '#volume/types/encryption/handlers.ts';
import { findWholeVolume, updateVolume } from '../store.ts';
import { findUsableType, isSpecTrue, listExtraSpecs } from '../type-store.ts';

interface Body {
  readonly new_type: string;
  readonly migration_policy?: 'never' | 'on-demand' | null;
}

export async function retypeVolume(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume:retype');
  const body = (call.body as { 'os-retype': Body })['os-retype'];
  const caller = { projectId: call.principal.projectId, isAdmin: isAdmin(call.principal) };
  const type = await findUsableType(deps.db.kysely, body.new_type, caller);
  if (!type)
    throw new InvalidInput(`Volume type ${body.new_type} could not be found.`, 'volume-type-not-found');
  if (type.id === volume.volume_type_id)
    throw new InvalidInput(`Invalid input received: the volume has the type ${type.name} already.`);
  await refuseEncryptedType(deps.db.kysely, type.id);
  const specs = await listExtraSpecs(deps.db.kysely, type.id);
  const obstacle = await whyNotOnBackend(deps, volume, specs);
  if (obstacle !== undefined)
    throw new InvalidVolume(
      `the backend of volume ${volume.id} does not offer the type ${type.name} (${obstacle}), and volumes are not moved to another.`,
      'retype-needs-migration',
    );
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) throw new VolumeNotFound(volume.id);
    assertStatus(whole, ['available', 'in-use'], 'retype');
    const multiattach = isSpecTrue(specs['multiattach']) ? 1 : 0;
    if (multiattach !== whole.volume.multiattach && whole.attachments.length > 0)
      throw new InvalidVolume('a volume that is attached keeps whether it may be attached more than once.');
    await assertTypeQuota(trx, whole.volume.project_id, type.name, whole.volume.size);
    await updateVolume(trx, volume.id, {
      volume_type_id: type.id,
      multiattach,
      updated_at: isoTime(deps.clock),
    });
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
