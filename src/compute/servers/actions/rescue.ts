// `rescue`: the guest boots a disk of another image, or of its own image anew, with its root disk beside it.
import { Type } from 'typebox';
import type { Image } from '#platform/clients/image.ts';
import type { Call } from '#platform/http/api.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { busOf, DISK_BUSES, type AnyBus } from '#compute/block-devices/names.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { Conflict, InvalidInput } from '#compute/errors.ts';
import { strict, uuidSchema } from '#compute/schema-types.ts';
import type { Rescue } from '#compute/system-metadata.ts';
import type { BlockDeviceRow, InstanceRow } from '#compute/tables.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { relatedImage, tokenOf } from '../create/check-image.ts';
import { newPassword } from '../create/create-server.ts';

export const rescueBody = Type.Object(
  {
    rescue: Type.Union([
      Type.Null(),
      Type.Object(
        { adminPass: Type.Optional(Type.String()), rescue_image_ref: Type.Optional(uuidSchema) },
        strict,
      ),
    ]),
  },
  strict,
);

interface RescueBody {
  readonly rescue: { readonly adminPass?: string; readonly rescue_image_ref?: string } | null;
}

const SPEC = {
  action: 'rescue',
  rule: 'os_compute_api:os-rescue',
  from: { vm: ['active', 'stopped', 'error'] },
} as const;

export async function rescueServer(call: Call, deps: ComputeDeps): Promise<{ readonly adminPass: string }> {
  const handledAt = deps.clock.now();
  const { rescue: wanted } = call.body as RescueBody;
  const row = await admitAction(call, deps, SPEC);
  const devices = await listDevices(deps.db.kysely, row.id);
  const root = devices.find((device) => device.boot_index === 0 && device.destination_type === 'volume');
  const image = await requireRescueImage(
    call,
    deps,
    await imageIdOf(call, deps, row, root, wanted?.rescue_image_ref),
  );
  await requireAttached(call, deps, devices);
  if (root && !atLeast(call.microversion, '2.87'))
    throw new InvalidInput(`Instance ${row.id} cannot be rescued: Cannot rescue a volume-backed instance`);
  const rescue = howTo(row, image, root !== undefined);
  const adminPass = wanted?.adminPass ?? newPassword();
  await commitAction(
    call,
    deps,
    row,
    {
      ...SPEC,
      task: 'rescuing',
      changes: { admin_password: adminPass },
      deadlineMs: deps.config.fillDeadlineMs,
      message: (agent, ref) => agent.message('rescueServer', { ...ref, user_token: tokenOf(call), rescue }),
    },
    handledAt,
  );
  return { adminPass };
}

/** The one asked for; else the cloud's, else the one below the server's disk. */
async function imageIdOf(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  root: BlockDeviceRow | undefined,
  wanted: string | undefined,
): Promise<string> {
  const properties = JSON.parse(row.image_json) as Readonly<Record<string, string>>;
  const known = wanted ?? deps.config.rescueImageId ?? properties['base_image_ref'] ?? row.image_id;
  if (known !== null) return known;
  const volume = root && (await deps.volume.findVolume(tokenOf(call), root.volume_id ?? ''));
  const from = volume?.volume_image_metadata?.['image_id'];
  if (from !== undefined) return from;
  throw new InvalidInput('The server is of no image: name one in rescue_image_ref.', 'no-rescue-image');
}

async function requireRescueImage(call: Call, deps: ComputeDeps, id: string): Promise<Image> {
  const image = await deps.image.findImage(tokenOf(call), id);
  const mappings = image?.['block_device_mapping'];
  if (!image || image.status !== 'active' || (mappings !== undefined && mappings !== '[]'))
    throw new InvalidInput(`Requested rescue image '${id}' is not supported`, 'unsupported-rescue-image');
  return image;
}

async function requireAttached(
  call: Call,
  deps: ComputeDeps,
  devices: readonly BlockDeviceRow[],
): Promise<void> {
  for (const { volume_id } of devices) {
    if (volume_id === null) continue;
    const volume = await deps.volume.findVolume(tokenOf(call), volume_id);
    if (volume?.status !== 'in-use')
      throw new Conflict(
        `Invalid volume: volume ${volume_id} status must be 'in-use'. Currently in '${volume?.status ?? 'deleted'}' status`,
        'invalid-volume',
      );
  }
}

/** As the image's properties say. @throws InvalidInput for a device or bus that guests here don't have */
function howTo(row: InstanceRow, image: Image, onVolume: boolean): Rescue {
  const own = JSON.parse(row.image_json) as Readonly<Record<string, string>>;
  const device = image['hw_rescue_device'];
  const bus = image['hw_rescue_bus'];
  const asDevice = device ?? 'disk';
  if (asDevice !== 'disk' && asDevice !== 'cdrom')
    throw new InvalidInput(`Requested rescue device '${brief(device)}' is not supported`);
  const buses: readonly AnyBus[] = [...DISK_BUSES, 'usb'];
  const asked = buses.find((each) => each === bus);
  if (bus !== undefined && asked === undefined)
    throw new InvalidInput(`Requested rescue bus '${brief(bus)}' is not supported`);
  const imageBus = image['hw_disk_bus'] ?? own['hw_disk_bus'];
  const drive: AnyBus = own['hw_machine_type']?.includes('q35') ? 'sata' : 'ide';
  return {
    image_id: image.id,
    kernel_id: relatedImage(image, 'kernel_id'),
    ramdisk_id: relatedImage(image, 'ramdisk_id'),
    bus: asked ?? (asDevice === 'cdrom' ? drive : busOf(typeof imageBus === 'string' ? imageBus : undefined)),
    device: asDevice,
    stable: onVolume || device !== undefined || bus !== undefined,
  };
}

const brief = (value: unknown): string => String(value).slice(0, 64);
