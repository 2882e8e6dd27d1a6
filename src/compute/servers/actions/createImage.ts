// `createImage`: a snapshot. The image record is made at once, queued, so that the caller has its id; the agent uploads.
import { Type } from 'typebox';
import type { Message } from '#platform/bus/bus.ts';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import type { Image } from '#platform/clients/image.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { reserveImage } from '#compute/pending-images/reserve.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { metadataSchema, nameSchema, strict } from '#compute/schema-types.ts';
import type { ActionRef } from '#compute/rpc.ts';
import type { FlavorSnapshot, InstanceRow } from '#compute/tables.ts';
import { admitAction, commitAction, type ActionSpec } from '../begin-action.ts';
import { tokenOf } from '../create/check-image.ts';
import { snapshotVolumes } from '../snapshot-volumes.ts';

const RULE = 'os_compute_api:servers:create_image';

export const createImageBody = Type.Object(
  { createImage: Type.Object({ name: nameSchema, metadata: Type.Optional(metadataSchema) }, strict) },
  strict,
);

export async function createImage(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { createImage: wanted } = call.body as {
    readonly createImage: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> };
  };
  const row = await admitAction(call, deps, {
    action: 'createImage',
    rule: RULE,
    from: { vm: ['active', 'stopped', 'paused', 'suspended'] },
  });
  const items = Object.keys(wanted.metadata ?? {}).length;
  if (items > 0 && !atLeast(call.microversion, '2.39'))
    await assertQuota(deps.db.kysely, row.project_id, row.user_id, { metadata_items: items });
  const devices = await listDevices(deps.db.kysely, row.id);
  const onVolume = devices.some((device) => device.boot_index === 0 && device.volume_id !== null);
  const attributes = imageAttributes(deps, row, wanted);
  const image = onVolume
    ? await snapshotVolumes(call, deps, row, { rule: RULE, handledAt, devices, attributes })
    : await snapshotDisk(call, deps, row, attributes, handledAt, {
        action: 'createImage',
        rule: RULE,
        task: 'image_snapshot',
        message: (agent, ref, wanted) => agent.message('createImage', { ...ref, ...wanted }),
      });
  if (atLeast(call.microversion, '2.45')) return new Reply(202, { image_id: image.id });
  return new Reply(202, undefined, { location: `${call.origin}/image/v2/images/${image.id}` });
}

/** What differs between a snapshot and a backup of a disk. */
interface DiskSnapshot extends Pick<ActionSpec, 'action' | 'rule' | 'task'> {
  readonly message: (
    agent: Parameters<ActionSpec['message']>[0],
    ref: ActionRef,
    wanted: { readonly image_id: string; readonly user_token: string },
  ) => Message;
}

/** Queues an image and has the agent fill it. A request that was too late, or died, leaves no queued image behind. */
export async function snapshotDisk(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  attributes: Readonly<Record<string, unknown>>,
  handledAt: number,
  spec: DiskSnapshot,
): Promise<Image> {
  const pending = await reserveImage(deps, row.id, { ofVolumes: false });
  const wanted = { image_id: pending.id, user_token: tokenOf(call) };
  try {
    const image = await deps.image.createImage(tokenOf(call), { ...attributes, id: pending.id });
    await commitAction(
      call,
      deps,
      row,
      {
        ...spec,
        from: {},
        deadlineMs: deps.config.snapshotDeadlineMs,
        recorded: async (trx, { action_id }) => pending.keep(trx, action_id),
        message: (agent, ref) => spec.message(agent, ref, wanted),
      },
      handledAt,
    );
    return image;
  } catch (error) {
    await pending.cancel();
    throw error;
  }
}

const FROM_DISK: ReadonlySet<string> = new Set([
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'disk_format',
  'container_format',
  'min_disk',
  'min_ram',
]);

/** Properties of the server's own image pass to the snapshot, as far as they are about the guest. */
export function imageAttributes(
  { config }: ComputeDeps,
  row: InstanceRow,
  wanted: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> },
): Record<string, unknown> {
  const inherited = JSON.parse(row.image_json) as Record<string, string>;
  const flavor = JSON.parse(row.flavor_json) as FlavorSnapshot;
  return {
    ...Object.fromEntries(Object.entries(inherited).filter(([key]) => !FROM_DISK.has(key))),
    image_type: 'snapshot',
    instance_uuid: row.id,
    user_id: row.user_id,
    owner_id: row.project_id,
    ...(row.image_id === null ? {} : { base_image_ref: row.image_id }),
    ...wanted.metadata, // also in place of those above, as upstream
    name: wanted.name,
    visibility: 'private',
    disk_format: config.snapshotFormat,
    container_format: 'bare',
    min_disk: Math.max(Number(inherited['min_disk'] ?? 0), flavor.disk),
    min_ram: Number(inherited['min_ram'] ?? 0),
  };
}
