// What every move of a volume to another backend needs: the volume is unused and alone, the destination takes it, and the
// intent is written with the message for the destination. Called by os-migrate_volume and os-retype.
import { READABLE_PROTOCOLS } from '#drivers/volume/open-connection.ts';
import type { Call } from '#platform/http/api.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidVolume } from '#volume/errors.ts';
import type { MigrateVolumeMessage } from '#volume/rpc.ts';
import type { BackendState, SelectionRequest } from '#volume/scheduler/backend-state.ts';
import { listOfVolume } from '#volume/snapshots/store.ts';
import type { VolumeRow, VolumeTables } from '#volume/tables.ts';
import { beginChange } from './begin.ts';
import { backendOf } from './host-name.ts';
import { updateVolume, type WholeVolume } from './store.ts';
import { listExtraSpecs } from './type-store.ts';

export interface Move {
  readonly operation: 'migrate' | 'retype';
  readonly destination: BackendState;
  readonly newType: MigrateVolumeMessage['new_type'];
  /** Checks more, in the transaction. */
  readonly also?: (trx: Executor<VolumeTables>, whole: WholeVolume) => Promise<void>;
}

/** @throws InvalidVolume */
export async function beginMigration(
  call: Call,
  deps: VolumeDeps,
  volume: VolumeRow,
  { operation, destination, newType, also }: Move,
): Promise<void> {
  const source = backendOf(volume);
  await beginChange(call, deps, volume.id, {
    operation,
    from: ['available'],
    lifecycle: operation === 'migrate' ? 'maintenance' : 'retyping',
    deadlineMs: deps.config.transferMs,
    to: destination.service,
    also: async (trx, whole) => {
      await assertMovable(trx, whole, volume, operation);
      await also?.(trx, whole);
      await updateVolume(trx, volume.id, { migration_status: 'migrating' });
    },
    message: (backend, ref) =>
      backend.message('migrateVolume', { ...ref, source, destination: destination.name, new_type: newType }),
  });
}

/** Nobody uses it, and nothing hangs on it. @throws InvalidVolume */
export async function assertMovable(
  trx: Executor<VolumeTables>,
  { volume, attachments, groupId = null }: WholeVolume & { readonly groupId?: string | null },
  seen: VolumeRow,
  verb: string,
): Promise<void> {
  if (attachments.length > 0)
    throw new InvalidVolume(`Volume ${volume.id} must not be attached or reserved to ${verb} it.`);
  if ((await listOfVolume(trx, volume.id)).length > 0)
    throw new InvalidVolume(`Volume ${volume.id} must not have snapshots to ${verb} it with its data.`);
  if (groupId !== null)
    throw new InvalidVolume(`Volume ${volume.id} must not be in a group to ${verb} it with its data.`);
  if (volume.host !== seen.host) throw new InvalidVolume(`Volume ${volume.id} was moved a moment ago.`);
}

/** @throws InvalidVolume when other services can't read the volumes of this backend */
export function assertReadable(backend: BackendState | undefined, { id }: VolumeRow): void {
  const protocol = backend?.stats.storageProtocol ?? 'unknown';
  if (!READABLE_PROTOCOLS.includes(protocol))
    throw new InvalidVolume(
      `Volume ${id} can't leave its backend: another can't read it, its protocol is ${protocol}.`,
      'migration-not-supported',
    );
}

/** What the volume asks of a backend, in `zone`, as a volume of the type with these extra specs. */
export function requestFor(
  { id, size }: VolumeRow,
  zone: string,
  extraSpecs: Readonly<Record<string, string>>,
): SelectionRequest {
  return {
    volumeId: id,
    sizeGb: size,
    zone,
    extraSpecs,
    exclude: [],
    sourceHost: undefined,
    groupService: undefined,
    sameAs: undefined,
    differentFrom: undefined,
  };
}

/** What the volume asks for as it is: by its type, and by what its creation wanted beside. */
export async function ownSpecs(
  db: Executor<VolumeTables>,
  { volume_type_id, multiattach }: VolumeRow,
): Promise<Record<string, string>> {
  return {
    ...(await listExtraSpecs(db, volume_type_id)),
    ...(multiattach === 1 ? { multiattach: '<is> True' } : {}),
  };
}
