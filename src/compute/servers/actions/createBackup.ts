// `createBackup`: a snapshot that counts among those of its type: when there are more than `rotation`, the oldest go.
import { Type } from 'typebox';
import { Reply, type Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { countSchema, metadataSchema, nameSchema, strict } from '#compute/schema-types.ts';
import { admitAction } from '../begin-action.ts';
import { imageAttributes, snapshotDisk } from './createImage.ts';

const RULE = 'os_compute_api:os-create-backup';

export const createBackupBody = Type.Object(
  {
    createBackup: Type.Object(
      {
        name: nameSchema,
        backup_type: Type.String({ maxLength: 255 }),
        rotation: countSchema(0),
        metadata: Type.Optional(metadataSchema),
      },
      strict,
    ),
  },
  strict,
);

interface Body {
  readonly createBackup: {
    readonly name: string;
    readonly backup_type: string;
    readonly rotation: number | string;
    readonly metadata?: Readonly<Record<string, string>>;
  };
}

export async function createBackup(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { backup_type, rotation: given, ...wanted } = (call.body as Body).createBackup;
  const rotation = Number(given);
  const row = await admitAction(call, deps, {
    action: 'createBackup',
    rule: RULE,
    from: { vm: ['active', 'stopped', 'paused', 'suspended'] },
  });
  const items = Object.keys(wanted.metadata ?? {}).length;
  if (items > 0 && !atLeast(call.microversion, '2.39'))
    await assertQuota(deps.db.kysely, row.project_id, row.user_id, { metadata_items: items });
  const devices = await listDevices(deps.db.kysely, row.id);
  if (devices.some((device) => device.boot_index === 0 && device.volume_id !== null))
    throw new InvalidInput('Backup is not supported for volume-backed instances.', 'volume-backed');
  const attributes = {
    ...imageAttributes(deps, row, wanted),
    // in place of what the caller's metadata says: the rotation goes by these
    image_type: 'backup',
    backup_type,
    instance_uuid: row.id,
  };
  const image = await snapshotDisk(call, deps, row, attributes, handledAt, {
    action: 'createBackup',
    rule: RULE,
    task: 'image_backup',
    message: (agent, ref, of) => agent.message('createBackup', { ...ref, ...of, backup_type, rotation }),
  });
  if (atLeast(call.microversion, '2.45')) return new Reply(202, { image_id: image.id });
  const location = `${call.origin}/image/v2/images/${image.id}`;
  return new Reply(202, undefined, rotation === 0 ? {} : { location });
}
