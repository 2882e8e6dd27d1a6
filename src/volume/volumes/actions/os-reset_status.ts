// os-reset_status: an administrator says what the status is. What the rows say otherwise is overruled until the next change.
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { release } from '#volume/attachments/reserve.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { cancelRunning } from '#volume/operations/store.ts';
import type { VolumeLifecycle } from '#volume/tables.ts';
import { findVolume } from '../find.ts';
import { statusOf } from '../status.ts';
import { findWholeVolume, updateVolume } from '../store.ts';

const OF_ATTACHMENTS = ['in-use', 'reserved', 'attaching', 'detaching'];
const LIFECYCLES: readonly VolumeLifecycle[] = [
  'creating',
  'available',
  'deleting',
  'error',
  'error_deleting',
  'error_managing',
  'managing',
  'error_extending',
  'error_restoring',
  'maintenance',
  'extending',
  'uploading',
  'downloading',
  'retyping',
  'backing-up',
  'restoring-backup',
  'awaiting-transfer',
];
const MIGRATION_STATUSES = ['migrating', 'error', 'success', 'completing', 'none', 'starting'];

interface Body {
  readonly status?: string | null;
  readonly attach_status?: string | null;
  readonly migration_status?: string | null;
}

export async function resetStatus(call: Call, deps: VolumeDeps): Promise<void> {
  const { volume } = await findVolume(call, deps, 'volume_extension:volume_admin_actions:reset_status');
  const body = (call.body as { 'os-reset_status': Body })['os-reset_status'];
  const wanted = checked(body);
  await deps.db.transaction(async (trx) => {
    const whole = await findWholeVolume(trx, volume.id);
    if (!whole) return;
    if (wanted.attachStatus === 'detached')
      for (const attachment of whole.attachments) await release(trx, deps, attachment);
    const attachments = wanted.attachStatus === 'detached' ? [] : whole.attachments;
    if (wanted.status !== undefined) {
      const lifecycle = LIFECYCLES.find((each) => each === wanted.status) ?? 'available';
      const derived = statusOf({ lifecycle, forced_status: null }, attachments);
      await cancelRunning(trx, volume.id); // what goes on would overrule the administrator at its end
      await updateVolume(trx, volume.id, {
        lifecycle,
        forced_status: derived === wanted.status ? null : wanted.status,
        ...(lifecycle === 'error' ? {} : { fault: null }),
      });
    }
    await updateVolume(trx, volume.id, {
      ...(wanted.migrationStatus === undefined
        ? {}
        : { migration_status: wanted.migrationStatus === 'none' ? null : wanted.migrationStatus }),
      updated_at: isoTime(deps.clock),
    });
  });
}

function checked(body: Body): { status?: string; attachStatus?: string; migrationStatus?: string } {
  const pick = (name: keyof Body, allowed: readonly string[]): string | undefined => {
    const value = body[name]?.toLowerCase();
    if (value === undefined) return undefined;
    if (!allowed.includes(value))
      throw new InvalidInput(`${name} can't be ${value}: it is one of ${allowed.join(', ')}.`);
    return value;
  };
  const status = pick('status', [...LIFECYCLES, ...OF_ATTACHMENTS]);
  const attachStatus = pick('attach_status', ['attached', 'detached']);
  const migrationStatus = pick('migration_status', MIGRATION_STATUSES);
  if (status === undefined && attachStatus === undefined && migrationStatus === undefined)
    throw new InvalidInput('Must specify status, attach_status or migration_status.');
  return {
    ...(status === undefined ? {} : { status }),
    ...(attachStatus === undefined ? {} : { attachStatus }),
    ...(migrationStatus === undefined ? {} : { migrationStatus }),
  };
}
