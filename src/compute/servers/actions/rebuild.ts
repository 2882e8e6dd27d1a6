// `rebuild`: the same server, id, ports and addresses, with its disk made anew from an image. A root disk that is a volume is
// written over from 2.93 on, and kept before.
import { Reply, type Call } from '#platform/http/api.ts';
import type { Image } from '#platform/clients/image.ts';
import { atLeast } from '#platform/microversion/microversion.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { findKeypair } from '#compute/keypairs/store.ts';
import { linksOf } from '#compute/links.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import type { BlockDeviceRow, FlavorSnapshot, InstanceRow } from '#compute/tables.ts';
import { canonicalIpv6 } from '../access-address.ts';
import { admitAction, commitAction } from '../begin-action.ts';
import { requireRoom } from '../create/check-devices.ts';
import { newPassword } from '../create/create-server.ts';
import { imageProperties, relatedImage, requireFit, requireImage, tokenOf } from '../create/check-image.ts';
import { readUserData } from '../create/launch-request.ts';
import { gatherFacts } from '../facts.ts';
import { serverView } from '../view.ts';

const RULE = 'os_compute_api:servers:rebuild';

interface RebuildBody {
  readonly rebuild: {
    readonly imageRef: string;
    readonly name?: string;
    readonly adminPass?: string;
    readonly metadata?: Readonly<Record<string, string>>;
    readonly personality?: readonly unknown[];
    readonly 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL';
    readonly accessIPv4?: string;
    readonly accessIPv6?: string;
    readonly description?: string | null;
    readonly key_name?: string | null;
    readonly user_data?: string | null;
    readonly hostname?: string;
    readonly trusted_image_certificates?: readonly string[] | null;
  };
}

export async function rebuildServer(call: Call, deps: ComputeDeps): Promise<Reply> {
  const handledAt = deps.clock.now();
  const { rebuild } = call.body as RebuildBody;
  const row = await admitAction(call, deps, {
    action: 'rebuild',
    rule: RULE,
    from: { vm: ['active', 'stopped', 'error'] },
  });
  if ((rebuild.personality?.length ?? 0) > 0)
    throw new InvalidInput('Files are not injected into servers here: hand them over in user_data.');
  if ((rebuild.trusted_image_certificates?.length ?? 0) > 0)
    throw new InvalidInput(
      'Signatures of images are not validated here: leave trusted_image_certificates out.',
    );
  const devices = await listDevices(deps.db.kysely, row.id);
  const root = devices.find((device) => device.boot_index === 0 && device.destination_type === 'volume');
  const image = await requireImage(call, deps, rebuild.imageRef);
  if (root) await requireRebuildable(call, deps, row, { root, image });
  else requireFit(call, flavorOf(row), image);
  const writesOver = root !== undefined && atLeast(call.microversion, '2.93');
  const adminPass = rebuild.adminPass ?? newPassword();
  const changes: Partial<InstanceRow> = {
    ...(await changesOf(call, deps, row, { rebuild, image })),
    ...(root ? {} : { image_id: image.id }), // none is how a server on a volume is known
    admin_password: adminPass,
  };
  const { projectId = row.project_id, userId } = call.principal;
  await commitAction(
    call,
    deps,
    row,
    {
      action: 'rebuild',
      rule: RULE,
      from: {},
      task: 'rebuilding',
      changes,
      deadlineMs: deps.config.fillDeadlineMs,
      also: async (trx) => {
        const items = Object.keys(rebuild.metadata ?? {}).length;
        if (items > 0) await assertQuota(trx, projectId, userId, { metadata_items: items });
      },
      message: (agent, ref) =>
        agent.message('rebuildServer', {
          ...ref,
          user_token: tokenOf(call),
          ...(writesOver ? { root_image_id: image.id } : {}),
        }),
    },
    handledAt,
  );
  const changed: InstanceRow = { ...row, ...changes, task_state: 'rebuilding' };
  const facts = await gatherFacts(call, deps, [changed]);
  const server = { ...serverView(call, changed, facts(changed), 'rebuild'), adminPass };
  return new Reply(202, { server }, { location: linksOf(call, `servers/${row.id}`)[0]?.href ?? '' });
}

const flavorOf = (row: InstanceRow): FlavorSnapshot => JSON.parse(row.flavor_json) as FlavorSnapshot;

/** @throws InvalidInput for an image that does not fit the volume, and before 2.93 for any but the one it is from */
async function requireRebuildable(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  { root, image }: { readonly root: BlockDeviceRow; readonly image: Image },
): Promise<void> {
  const volume = await deps.volume.findVolume(tokenOf(call), root.volume_id ?? '');
  if (!volume) throw new InvalidInput(`Invalid volume: volume ${root.volume_id} could not be found.`);
  if (atLeast(call.microversion, '2.93')) return requireRoom(flavorOf(row), true, image, volume.size);
  if (volume.volume_image_metadata?.['image_id'] !== image.id)
    throw new InvalidInput(
      'Unable to rebuild with a different image for a volume-backed server before version 2.93.',
    );
}

async function changesOf(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  { rebuild, image }: RebuildBody & { readonly image: Image },
): Promise<Partial<InstanceRow>> {
  return {
    kernel_id: relatedImage(image, 'kernel_id'),
    ramdisk_id: relatedImage(image, 'ramdisk_id'),
    image_json: JSON.stringify(imageProperties(image)),
    fault_json: null,
    progress: 0,
    ...(rebuild.name === undefined ? {} : { name: rebuild.name }),
    ...(rebuild.hostname === undefined ? {} : { hostname: rebuild.hostname }),
    ...(rebuild.metadata === undefined ? {} : { metadata_json: JSON.stringify(rebuild.metadata) }),
    ...(rebuild['OS-DCF:diskConfig'] === undefined ? {} : { disk_config: rebuild['OS-DCF:diskConfig'] }),
    ...(rebuild.accessIPv4 === undefined ? {} : { access_ip_v4: rebuild.accessIPv4 }),
    ...(rebuild.accessIPv6 === undefined ? {} : { access_ip_v6: canonicalIpv6(rebuild.accessIPv6) }),
    ...(rebuild.description === undefined ? {} : { description: rebuild.description }),
    ...(rebuild.user_data === undefined ? {} : { user_data: readUserData(rebuild.user_data) }),
    ...(await keyChanges(call, deps, row, rebuild.key_name)),
  };
}

async function keyChanges(
  call: Call,
  deps: ComputeDeps,
  row: InstanceRow,
  name: string | null | undefined,
): Promise<Partial<InstanceRow>> {
  if (name === undefined || !atLeast(call.microversion, '2.54')) return {};
  if (name === null) return { key_name: null, public_key: null, key_type: null };
  const keypair = await findKeypair(deps.db.kysely, row.user_id, name);
  if (!keypair)
    throw new InvalidInput(
      `Invalid key_name provided: the server's owner has no key pair ${name}.`,
      'key-not-found',
    );
  return { key_name: keypair.name, public_key: keypair.public_key, key_type: keypair.type };
}
