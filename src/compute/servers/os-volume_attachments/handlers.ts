// Volumes of a server: attaching and detaching are actions that the server's host carries out; the answer does not wait.
import { Reply, type Call } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import { isoTime } from '#platform/context/clock.ts';
import { findVolumeDevice, keepDevices, listDevices, updateDevice } from '#compute/block-devices/store.ts';
import type { ComputeDeps, ComputeExecutor } from '#compute/deps.ts';
import { Conflict, Forbidden, InvalidInput, NotFound } from '#compute/errors.ts';
import { isTrue } from '#compute/schema-types.ts';
import { refuseUnknownQuery } from '#compute/strict-query.ts';
import type { BlockDeviceRow } from '#compute/tables.ts';
import { admitAction, commitAction, type ActionSpec } from '../begin-action.ts';
import { requireUsable } from '../create/check-devices.ts';
import { tokenOf } from '../create/check-image.ts';
import { findServer, mayOverrideLock } from '../find-server.ts';
import { reserveVolumes } from '../reserve-volumes.ts';
import { checkLock } from '../states.ts';
import { newDevice, requireDevice, RULE } from './find-device.ts';
import {
  changeOffloaded,
  completeOffloaded,
  detachOffloaded,
  isOffloaded,
  volumeStates,
} from './offloaded.ts';
import { swapVolume } from './swap.ts';
import { attachmentView } from './view.ts';

export async function listAttachments(call: Call, deps: ComputeDeps): Promise<unknown> {
  refuseUnknownQuery(call, '2.75', ['limit', 'offset']);
  const row = await findServer(call, deps, `${RULE}:index`);
  const all = volumesOf(await listDevices(deps.db.kysely, row.id));
  const offset = readNumber(call, 'offset') ?? 0;
  const limit = Math.min(readNumber(call, 'limit') ?? deps.config.maxLimit, deps.config.maxLimit);
  return {
    volumeAttachments: all.slice(offset, offset + limit).map((device) => attachmentView(call, device)),
  };
}

const volumesOf = (devices: readonly BlockDeviceRow[]): BlockDeviceRow[] =>
  devices.filter((device) => device.volume_id !== null);

function readNumber(call: Call, name: string): number | undefined {
  const text = call.query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidInput(`${name} must be a whole number from 0 on.`);
  return Number(text);
}

export async function showAttachment(call: Call, deps: ComputeDeps): Promise<unknown> {
  const row = await findServer(call, deps, `${RULE}:show`);
  return { volumeAttachment: attachmentView(call, await requireDevice(call, deps, row)) };
}

interface AttachBody {
  readonly volumeAttachment: {
    readonly volumeId: string;
    readonly tag?: string;
    readonly delete_on_termination?: boolean | string;
  };
}

export async function attachVolume(call: Call, deps: ComputeDeps): Promise<unknown> {
  const handledAt = deps.clock.now();
  const { volumeAttachment: wanted } = call.body as AttachBody;
  const spec = {
    action: 'attach_volume',
    rule: `${RULE}:create`,
    from: volumeStates(call),
  } as const;
  const row = await admitAction(call, deps, spec);
  const volumeId = wanted.volumeId.toLowerCase();
  if (await findVolumeDevice(deps.db.kysely, row.id, volumeId))
    throw new InvalidInput(`Invalid volume: volume ${volumeId} is attached to instance ${row.id} already.`);
  const volume = await deps.volume.findVolume(tokenOf(call), volumeId);
  if (!volume) throw new NotFound(`Volume ${volumeId} could not be found.`, 'no-such-volume');
  requireUsable(call, deps, volume, row.availability_zone);
  const device: BlockDeviceRow = {
    ...(await newDevice(deps, row, volumeId)),
    volume_size: volume.size,
    multiattach: volume.multiattach ? 1 : 0,
    tag: wanted.tag ?? null,
    delete_on_termination:
      wanted.delete_on_termination !== undefined && isTrue(wanted.delete_on_termination) ? 1 : 0,
  };
  const reservation = await reserveVolumes(call, deps, [device]).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(`Another disk is being attached to instance ${row.id}: try again.`, 'raced');
  });
  const also = async (trx: ComputeExecutor): Promise<void> => {
    if (!(await keepDevices(trx, row.id, reservation.ids)))
      throw new Conflict('The reservation of the volume took too long and was given up: try again.');
  };
  try {
    const args = { device_id: device.id, user_token: tokenOf(call) };
    const message: ActionSpec['message'] = (agent, ref) => agent.message('attachVolume', { ...ref, ...args });
    if (isOffloaded(row)) await changeOffloaded(call, deps, row, { ...spec, handledAt, also });
    else await commitAction(call, deps, row, { ...spec, also, message }, handledAt);
  } catch (error) {
    await reservation.cancel();
    throw error;
  }
  const kept = await findVolumeDevice(deps.db.kysely, row.id, volumeId);
  if (kept && isOffloaded(row)) await completeOffloaded(call, deps, kept);
  return { volumeAttachment: attachmentView(call, kept ?? device) };
}

export async function detachVolume(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const spec = {
    action: 'detach_volume',
    rule: `${RULE}:delete`,
    from: volumeStates(call),
  } as const;
  const found = await findServer(call, deps, spec.rule);
  const device = await requireDevice(call, deps, found);
  if (device.boot_index === 0)
    throw new Forbidden('Cannot detach a root device volume: the server boots from it.', 'root-device');
  const row = await admitAction(call, deps, spec);
  const volumeId = device.volume_id ?? '';
  if (isOffloaded(row)) {
    await detachOffloaded(call, deps, row, device, { rule: spec.rule, handledAt });
    return new Reply(202);
  }
  const began = await beginDetaching(call, deps, volumeId);
  try {
    const message = { device_id: device.id, user_token: tokenOf(call) };
    await commitAction(
      call,
      deps,
      row,
      { ...spec, message: (agent, ref) => agent.message('detachVolume', { ...ref, ...message }) },
      handledAt,
    );
  } catch (error) {
    if (began) await deps.volume.rollDetaching(tokenOf(call), volumeId);
    throw error;
  }
  return new Reply(202);
}

/** A volume whose attaching or detaching was given up half-way is not in use: it is detached all the same. */
const HALFWAY: ReadonlySet<string> = new Set(['reserved', 'attaching', 'detaching']);

/** @returns whether the volume shows as being detached by this request */
async function beginDetaching(call: Call, deps: ComputeDeps, volumeId: string): Promise<boolean> {
  try {
    await deps.volume.beginDetaching(tokenOf(call), volumeId);
    return true;
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== 'bad-request') throw error;
    const volume = await deps.volume.findVolume(tokenOf(call), volumeId);
    if (volume && !HALFWAY.has(volume.status)) throw error;
    return false;
  }
}

interface UpdateBody {
  readonly volumeAttachment: {
    readonly volumeId: string;
    readonly device?: string | null;
    readonly tag?: string;
    readonly delete_on_termination?: boolean | string;
    readonly serverId?: string;
    readonly id?: string;
  };
}

/** From 2.85 on changes `delete_on_termination`. With the id of another volume, puts that in the place of this one. */
export async function updateAttachment(call: Call, deps: ComputeDeps): Promise<Reply> {
  const { volumeAttachment: wanted } = call.body as UpdateBody;
  const volumeId = (call.params['volume'] ?? '').toLowerCase();
  if (wanted.volumeId.toLowerCase() !== volumeId) return swapVolume(call, deps);
  const row = await findServer(call, deps, `${RULE}:update`);
  checkLock(row, mayOverrideLock(call));
  const device = await requireDevice(call, deps, row);
  const fixed: ReadonlyArray<readonly [name: string, given: unknown, kept: unknown]> = [
    ['device', wanted.device ?? undefined, device.device_name],
    ['tag', wanted.tag, device.tag],
    ['serverId', wanted.serverId, row.id],
    ['id', wanted.id, device.id],
  ];
  for (const [name, given, kept] of fixed)
    if (given !== undefined && given !== kept)
      throw new InvalidInput(`The field ${name} of a volume attachment can not be changed.`);
  if (wanted.delete_on_termination !== undefined)
    await updateDevice(deps.db.kysely, device.id, {
      delete_on_termination: isTrue(wanted.delete_on_termination) ? 1 : 0,
      updated_at: isoTime(deps.clock),
    });
  return new Reply(202);
}
