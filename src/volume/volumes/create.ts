// POST /volumes: from the request to the record, the operation and the message for the scheduler, in one transaction.
import { rpcClient } from '#platform/bus/bus.ts';
import { enqueue } from '#platform/bus/outbox.ts';
import { isAdmin } from '#platform/auth/principal.ts';
import { isoTime } from '#platform/context/clock.ts';
import type { Call } from '#platform/http/api.ts';
import { saveStep } from '#platform/saga/sql-log.ts';
import type { Executor } from '#platform/sql/database.ts';
import type { VolumeDeps } from '#volume/deps.ts';
import { InvalidInput } from '#volume/errors.ts';
import { beginOperation } from '#volume/operations/store.ts';
import { assertVolumeQuota } from '#volume/quota-sets/count.ts';
import { VOLUME_SCHEDULER_QUEUE, type VolumeSchedulerRpc } from '#volume/rpc.ts';
import { isTrue } from '#volume/schema-types.ts';
import type { EncryptionKeyRow, VolumeRow, VolumeTables, VolumeTypeRow } from '#volume/tables.ts';
import { groupOfNew, joinGroup } from '../groups/join.ts';
import { listGroupsOf } from '../groups/store.ts';
import { newKeyFor } from '../keys/keys.ts';
import { insertKey } from '../keys/store.ts';
import { assertNotShared, encryptionOfType, isSameEncryption } from '../types/encryption/encryption-of.ts';
import { findEncryption } from '../types/encryption/store.ts';
import { TypeNotFound } from '../types/errors.ts';
import { findSource, type NewVolumeBody, type Source } from './source.ts';
import { insertVolume, listZones } from './store.ts';
import { findDefaultType, findType, findUsableType, isSpecTrue, listExtraSpecs } from './type-store.ts';
import { changedView } from './view.ts';

interface Body {
  readonly volume: NewVolumeBody;
  readonly 'OS-SCH-HNT:scheduler_hints'?: Readonly<Record<string, unknown>> | null;
  readonly scheduler_hints?: Readonly<Record<string, unknown>> | null;
}

export async function createVolume(call: Call, deps: VolumeDeps): Promise<unknown> {
  const body = call.body as Body;
  const { projectId } = call.principal;
  if (projectId === undefined)
    throw new InvalidInput('A volume belongs to a project: the token is for none.');
  call.enforce('volume:create', { project_id: projectId });
  const source = await findSource(call, deps, body.volume);
  const size = sizeOf(body.volume, source);
  const type = await chooseType(call, deps, body.volume, source);
  const specs = await listExtraSpecs(deps.db.kysely, type?.id ?? null);
  const shared = isSpecTrue(specs['multiattach']) || isTrue(body.volume.multiattach);
  if (shared) call.enforce('volume:multiattach', { project_id: projectId });
  const encrypted = await isToBeEncrypted(deps, type, source, shared);
  const zone = await chooseZone(deps, body.volume, source, specs);
  const volume: VolumeRow = {
    id: crypto.randomUUID(),
    project_id: projectId,
    user_id: call.principal.userId,
    name: body.volume.name ?? body.volume.display_name ?? null,
    description: body.volume.description ?? body.volume.display_description ?? null,
    size,
    lifecycle: 'creating',
    fault: null,
    forced_status: null,
    volume_type_id: type?.id ?? null,
    availability_zone: zone,
    host: null,
    bootable: source.bootable ? 1 : 0,
    multiattach: shared ? 1 : 0,
    encrypted: encrypted ? 1 : 0,
    readonly: 0,
    snapshot_id: source.snapshot?.id ?? null,
    source_volid: source.volume?.id ?? null,
    image_id: source.image?.id ?? null,
    backup_id: source.backup?.id ?? null,
    scheduler_hints_json: JSON.stringify(body['OS-SCH-HNT:scheduler_hints'] ?? body.scheduler_hints ?? {}),
    bytes_copied: null,
    placement_json: null,
    migration_status: null,
    created_at: isoTime(deps.clock),
    updated_at: null,
    launched_at: null,
  };
  const groupId = await groupOfNew(call, deps, body.volume, type);
  const metadata = body.volume.metadata ?? {};
  const key = encrypted ? await newKeyFor(deps, volume.id) : undefined;
  await commitNewVolume(call, deps, { volume, type, source, metadata, groupId, key });
  const { imageMetadata } = source;
  const typeName = type?.name ?? null;
  const encryptionKeyId = key?.id ?? null;
  const inConsistencyGroup =
    (await listGroupsOf(deps.db.kysely, [volume.id])).get(volume.id)?.consistency ?? false;
  const beside = { groupId, inConsistencyGroup, encryptionKeyId };
  const whole = { volume, metadata, imageMetadata, attachments: [], typeName, ...beside };
  return { volume: changedView(call, whole) }; // as it was begun: the work may be over by now
}

export interface NewVolumeIntent {
  readonly volume: VolumeRow;
  readonly type: VolumeTypeRow | undefined;
  readonly source: Source;
  readonly metadata: Readonly<Record<string, string>>;
  readonly groupId?: string | null;
  /** Of an encrypted one. */
  readonly key?: EncryptionKeyRow | undefined;
}

/** Also for a volume that a backup is restored into. */
export async function commitNewVolume(call: Call, deps: VolumeDeps, intent: NewVolumeIntent): Promise<void> {
  await deps.db.transaction(async (trx) => beginNewVolume(trx, call, deps, intent));
}

/** Record, operation and message, in the caller's transaction. @throws VolumeQuotaExceeded */
export async function beginNewVolume(
  trx: Executor<VolumeTables>,
  call: Call,
  deps: VolumeDeps,
  { volume, type, source, metadata, groupId = null, key }: NewVolumeIntent,
): Promise<void> {
  const movesData = source.image !== undefined || source.backup !== undefined;
  await assertVolumeQuota(trx, volume.project_id, {
    per_volume_gigabytes: volume.size,
    volumes: 1,
    gigabytes: volume.size,
    typeName: type?.name,
  });
  const asked = type !== undefined && (await findEncryption(trx, type.id)) !== undefined;
  const keyed = key?.owner_id === volume.id;
  if (asked !== (volume.encrypted === 1) || asked !== keyed)
    throw new InvalidInput('The encryption of the volume type changed a moment ago: try again.');
  await insertVolume(trx, volume, metadata, source.imageMetadata);
  if (key) await insertKey(trx, key);
  if (groupId !== null) await joinGroup(trx, groupId, volume.id);
  const operationId = await beginOperation(trx, call, deps, {
    resource_type: 'volume',
    resource_id: volume.id,
    operation: 'create',
    project_id: volume.project_id,
    host: null,
    deadlineMs: movesData ? deps.config.transferMs : deps.config.operationMs,
  });
  await recordRequest(trx, call, deps, operationId, { volume, type });
  const message = rpcClient<VolumeSchedulerRpc>(deps.bus, VOLUME_SCHEDULER_QUEUE).message('selectBackend', {
    operation_id: operationId,
    volume_id: volume.id,
    attempt: 1,
    user_token: source.image ? (call.token ?? null) : null,
    exclude: [],
  });
  await enqueue(trx, message);
}

/** Hop `volume.request` of the launch record: what was asked, and by whom. */
async function recordRequest(
  trx: Executor<VolumeTables>,
  call: Call,
  { clock, config }: VolumeDeps,
  operationId: string,
  { volume, type }: Pick<NewVolumeIntent, 'volume' | 'type'>,
): Promise<void> {
  await saveStep(trx, {
    saga_id: operationId,
    attempt: 1,
    step: 'volume.request',
    state: 'done',
    started_at: new Date(call.receivedAt).toISOString(),
    ended_at: isoTime(clock),
    deadline_at: new Date(clock.now() + config.operationMs).toISOString(),
    actor: 'volume-api',
    waiting_for: null,
    evidence: {
      request_id: call.requestId,
      user_id: call.principal.userId,
      project_id: volume.project_id,
      roles: call.principal.roles,
      volume_id: volume.id,
      size_gib: volume.size,
      volume_type: type?.name ?? null,
      availability_zone: volume.availability_zone,
      image_id: volume.image_id,
      snapshot_id: volume.snapshot_id,
      source_volid: volume.source_volid,
      backup_id: volume.backup_id,
    },
    output: null,
    error: null,
  });
}

/** GiB. @throws InvalidInput when it is not said, or less than the source needs */
function sizeOf({ size }: NewVolumeBody, source: Source): number {
  const wanted = size === undefined || size === null ? source.defaultSize : Number(size);
  if (wanted === undefined)
    throw new InvalidInput('Invalid input received: the size of a volume must be an integer above 0.');
  if (wanted < source.leastSize)
    throw new InvalidInput(
      `Invalid input received: Volume size ${wanted}GB cannot be smaller than ${source.leastSizeOf} ${source.leastSize}GB.`,
    );
  return wanted;
}

/**
 * By its type; and what it is made from must be encrypted in the same way, as it is not read on the way.
 * @throws InvalidInput
 */
async function isToBeEncrypted(
  { db }: Pick<VolumeDeps, 'db'>,
  type: VolumeTypeRow | undefined,
  source: Source,
  shared: boolean,
): Promise<boolean> {
  const encryption = await encryptionOfType(db.kysely, type?.id ?? null);
  assertNotShared(encryption, shared);
  const { backup, typeId } = source;
  const differs = backup
    ? (backup.encryption_key_id !== null) !== (encryption !== undefined)
    : (source.snapshot ?? source.volume) !== undefined &&
      !isSameEncryption(encryption, await encryptionOfType(db.kysely, typeId));
  if (differs)
    throw new InvalidInput(
      `Invalid input received: what the volume is made from is ${encryption ? 'not encrypted as' : 'encrypted, unlike'} the type ${type?.name ?? 'none'}: choose another type, or none.`,
      'encryption-differs',
    );
  return encryption !== undefined;
}

async function chooseType(
  call: Call,
  { db, config }: VolumeDeps,
  body: NewVolumeBody,
  source: Source,
): Promise<VolumeTypeRow | undefined> {
  const caller = { projectId: call.principal.projectId, isAdmin: isAdmin(call.principal) };
  const wanted = body.volume_type ?? source.imageMetadata['cinder_img_volume_type'];
  if (wanted !== undefined && wanted !== null && wanted !== '') {
    const type = await findUsableType(db.kysely, wanted, caller);
    if (!type) throw new TypeNotFound(wanted);
    return type;
  }
  const { typeId } = source;
  if (typeId !== null) {
    const inherited = await findType(db.kysely, typeId);
    if (inherited) return inherited;
  }
  return findDefaultType(db.kysely, caller.projectId ?? '', config.defaultVolumeType);
}

/** A type may name the zones that its volumes may lie in (3.52). */
function zoneOfType(specs: Readonly<Record<string, string>>, usual: string): string {
  const allowed = specs['RESKEY:availability_zones']?.split(',').map((each) => each.trim());
  return allowed === undefined || allowed.includes(usual) ? usual : (allowed[0] ?? usual);
}

/** @throws InvalidInput for a zone without services */
async function chooseZone(
  { db, config }: VolumeDeps,
  body: NewVolumeBody,
  source: Source,
  specs: Readonly<Record<string, string>>,
): Promise<string> {
  const wanted = body.availability_zone;
  if (wanted === undefined || wanted === null || wanted === '')
    return source.zone ?? zoneOfType(specs, config.defaultAvailabilityZone);
  if (source.zone !== null && source.zone !== wanted)
    throw new InvalidInput(
      `Invalid input received: a clone lies in the zone of its source, ${source.zone}, not in ${wanted}.`,
    );
  const zones = await listZones(db.kysely);
  if (zones.includes(wanted) || (zones.length === 0 && wanted === config.defaultAvailabilityZone))
    return wanted;
  if (config.allowAvailabilityZoneFallback) return config.defaultAvailabilityZone;
  throw new InvalidInput(`Invalid input received: Availability zone '${wanted}' is invalid.`);
}
