// `PUT` with the id of another volume: that takes the place of the server's, with what this one holds. For administrators.
import { Reply, type Call } from '#platform/http/api.ts';
import { isUniqueViolation } from '#platform/sql/database.ts';
import type { Volume } from '#platform/clients/volume.ts';
import { keepDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput, NotFound } from '#compute/errors.ts';
import type { BlockDeviceRow, InstanceRow } from '#compute/tables.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { requireUsable } from '../create/check-devices.ts';
import { tokenOf } from '../create/check-image.ts';
import { reserveVolumes, type Reservation } from '../reserve-volumes.ts';
import { newDevice, requireDevice, RULE } from './find-device.ts';

export async function swapVolume(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const spec = { action: 'swap_volume', rule: `${RULE}:swap`, from: { vm: ['active', 'paused'] } } as const;
  const row = await admitAction(call, deps, spec);
  const device = await requireDevice(call, deps, row);
  const { old, wanted } = await requireSwappable(call, deps, { row, device });
  const replacement: BlockDeviceRow = {
    ...(await newDevice(deps, row, wanted.id)),
    device_name: `${device.device_name}~`, // one swap of a disk at a time
    volume_size: wanted.size,
    multiattach: wanted.multiattach ? 1 : 0,
  };
  const reservation = await reserve(call, deps, replacement);
  const undo = [async () => reservation.cancel()];
  try {
    await deps.volume.beginDetaching(tokenOf(call), old.id);
    undo.push(async () => deps.volume.rollDetaching(tokenOf(call), old.id));
    const message = { device_id: device.id, old_volume_id: old.id, replacement, user_token: tokenOf(call) };
    await commitAction(
      call,
      deps,
      row,
      {
        ...spec,
        deadlineMs: deps.config.snapshotDeadlineMs, // it copies a whole disk, too
        also: async (trx) => {
          if (!(await keepDevices(trx, row.id, reservation.ids, 'swapping')))
            throw new Conflict('The reservation of the volume took too long and was given up: try again.');
        },
        message: (agent, ref) => agent.message('swapVolume', { ...ref, ...message }),
      },
      handledAt,
    );
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
  return new Reply(202);
}

async function reserve(call: Call, deps: ComputeDeps, row: BlockDeviceRow): Promise<Reservation> {
  return reserveVolumes(call, deps, [row]).catch((error: unknown) => {
    if (!isUniqueViolation(error)) throw error;
    throw new Conflict(`A volume of instance ${row.instance_id} is being swapped already.`, 'raced');
  });
}

/** @throws NotFound, InvalidInput for a volume that is in use, too small, or read and written by several servers */
async function requireSwappable(
  call: Call,
  deps: ComputeDeps,
  { row, device }: { readonly row: InstanceRow; readonly device: BlockDeviceRow },
): Promise<{ readonly old: Volume; readonly wanted: Volume }> {
  const { volumeId } = (call.body as { readonly volumeAttachment: { readonly volumeId: string } })
    .volumeAttachment;
  const [old, wanted] = await Promise.all([
    deps.volume.findVolume(tokenOf(call), device.volume_id ?? ''),
    deps.volume.findVolume(tokenOf(call), volumeId.toLowerCase()),
  ]);
  if (!old) throw new NotFound(`Volume ${device.volume_id} could not be found.`, 'no-such-volume');
  if (!wanted) throw new InvalidInput(`Volume ${volumeId} could not be found.`, 'no-such-volume');
  requireUsable(call, deps, { ...wanted, multiattach: false }, row.availability_zone); // also of those nobody may have yet
  if (wanted.size < old.size)
    throw new InvalidInput(
      `Invalid volume: the new volume has ${wanted.size} GiB, and must have the old one's ${old.size} GiB or more.`,
    );
  if (old.encrypted || wanted.encrypted)
    throw new InvalidInput('Invalid volume: encrypted volumes can not be swapped.', 'encrypted-swap');
  if (old.attachments.length > 1) await refuseSeveralWriters(call, deps, old);
  return { old, wanted };
}

/** What one server writes while its volume is copied, the others would not see. */
async function refuseSeveralWriters(call: Call, deps: ComputeDeps, old: Volume): Promise<void> {
  const all = await deps.volume.listAttachments(tokenOf(call), { volume_id: old.id, all_tenants: '1' });
  if (all.filter((each) => each.attach_mode !== 'ro').length > 1)
    throw new InvalidInput(
      `Volume ${old.id} is read and written by several servers: it can not be swapped for another.`,
    );
}
