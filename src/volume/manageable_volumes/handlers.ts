// Lists what a backend holds, and manages a volume in that it holds already: the record, the operation and the message.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { volumeQueue, type VolumeServiceRpc } from '#volume/rpc.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { VolumeRow, VolumeTypeRow } from '#volume/tables.ts';
import { findEncryption } from '../types/encryption/store.ts';
import { TypeNotFound } from '../types/errors.ts';
import { insertVolume, listVolumeIds } from '../volumes/store.ts';
import { findDefaultType, findUsableType, isSpecTrue, listExtraSpecs } from '../volumes/type-store.ts';
import { detailView } from '../volumes/view.ts';
import type { Manageable } from './manageable.ts';
import { findNamedBackend, idIn, listStored, type Listed, type Reference } from './stored.ts';

export const manageableVolumes: Manageable<Listed> = {
  kind: 'volume',
  thingsIn: ({ volumeId: id, sizeGb: size }) => [{ id, size }],
  known: listVolumeIds,
};

interface ManageBody {
  readonly volume: {
    readonly host?: string | null;
    readonly cluster?: string | null;
    readonly ref: Reference;
    readonly name?: string | null;
    readonly description?: string | null;
    readonly volume_type?: string | null;
    readonly metadata?: Readonly<Record<string, string>> | null;
    readonly bootable?: boolean | string;
    readonly availability_zone?: string | null;
  };
}

export async function manage(call: Call, deps: VolumeDeps): Promise<unknown> {
  const { volume: wanted } = call.body as ManageBody;
  const { projectId } = call.principal;
  if (projectId === undefined)
    throw new InvalidInput('A volume belongs to a project: the token is for none.');
  const backend = await findNamedBackend(deps, wanted);
  const type = await chooseType(call, deps, wanted.volume_type);
  const source = idIn(wanted.ref, 'volume');
  const stored = (await listStored(deps, backend.host)).find(({ volumeId }) => volumeId === source);
  if (!stored) throw new InvalidInput('The backend holds no volume of this reference.', 'no-such-reference');
  const specs = await listExtraSpecs(deps.db.kysely, type?.id ?? null);
  const volume = rowOf(call, deps, {
    project_id: projectId,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    size: stored.sizeGb,
    volume_type_id: type?.id ?? null,
    availability_zone: wanted.availability_zone ?? backend.availabilityZone,
    host: backend.place,
    bootable: isTrue(wanted.bootable ?? false) ? 1 : 0,
    multiattach: isSpecTrue(specs['multiattach']) ? 1 : 0,
  });
  const metadata = wanted.metadata ?? {};
  await begin(call, deps, { volume, metadata, source, host: backend.host, typeName: type?.name });
  const whole = { volume, metadata, imageMetadata: {}, attachments: [], typeName: type?.name ?? null };
  return { volume: detailView(call, whole) };
}

async function chooseType(
  call: Call,
  { db, config }: VolumeDeps,
  wanted: string | null | undefined,
): Promise<VolumeTypeRow | undefined> {
  const caller = { projectId: call.principal.projectId, isAdmin: isAdmin(call.principal) };
  const type = wanted
    ? await findUsableType(db.kysely, wanted, caller)
    : await findDefaultType(db.kysely, caller.projectId ?? '', config.defaultVolumeType);
  if (wanted && !type) throw new TypeNotFound(wanted);
  if (type && (await findEncryption(db.kysely, type.id)))
    throw new InvalidInput(
      'A volume that is managed in is not encrypted by this service: choose a type without encryption.',
      'encryption-not-offered',
    );
  return type;
}

type Given =
  | 'project_id'
  | 'name'
  | 'description'
  | 'size'
  | 'volume_type_id'
  | 'availability_zone'
  | 'host'
  | 'bootable'
  | 'multiattach';

function rowOf(call: Call, { clock }: VolumeDeps, given: Pick<VolumeRow, Given>): VolumeRow {
  return {
    id: crypto.randomUUID(),
    user_id: call.principal.userId,
    lifecycle: 'managing',
    fault: null,
    forced_status: null,
    encrypted: 0,
    readonly: 0,
    snapshot_id: null,
    source_volid: null,
    image_id: null,
    backup_id: null,
    scheduler_hints_json: '{}',
    bytes_copied: null,
    placement_json: null,
    migration_status: null,
    created_at: isoTime(clock),
    updated_at: null,
    launched_at: null,
    ...given,
  };
}

interface Intent {
  readonly volume: VolumeRow;
  readonly metadata: Readonly<Record<string, string>>;
  /** The id that the backend has it under. */
  readonly source: string;
  readonly host: string;
  readonly typeName: string | undefined;
}

async function begin(call: Call, deps: VolumeDeps, intent: Intent): Promise<void> {
  const { volume, metadata, source, host, typeName } = intent;
  await deps.db.transaction(async (trx) => {
    // Not refused here, the backend would be told to take another project's volume from under it.
    if ((await listVolumeIds(trx, [source])).length > 0)
      throw new InvalidInput(`Volume ${source} is managed already.`, 'already-managed');
    await assertVolumeQuota(trx, volume.project_id, { volumes: 1, gigabytes: volume.size, typeName });
    await insertVolume(trx, volume, metadata, {});
    const operation_id = await beginOperation(trx, call, deps, {
      resource_type: 'volume',
      resource_id: volume.id,
      operation: 'manage',
      project_id: volume.project_id,
      host,
      deadlineMs: deps.config.operationMs,
    });
    const backend = rpcClient<VolumeServiceRpc>(deps.bus, volumeQueue(host));
    const ref = { operation_id, volume_id: volume.id };
    await enqueue(trx, backend.message('manageVolume', { ...ref, source_id: source }));
  });
}
