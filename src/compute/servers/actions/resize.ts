// `resize`: another flavor, on this host or another. The server is off meanwhile, and its owner says in the end whether it is
// to stay so (`confirmResize`) or not (`revertResize`).
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { InvalidInput } from '#compute/errors.ts';
import { listDevices } from '#compute/block-devices/store.ts';
import { assertQuota } from '#compute/quota-sets/count.ts';
import { strict } from '#compute/schema-types.ts';
import type { FlavorSnapshot, InstanceRow } from '#compute/tables.ts';
import { admitAction } from '../begin-action.ts';
import { requireFlavor } from '../create/check-image.ts';
import { beginMove } from '../moves/begin-move.ts';

const RULE = 'os_compute_api:servers:resize';

const diskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);
const flavorRef = Type.Union([
  Type.String({ minLength: 1, maxLength: 2048 }),
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
]);

export const resizeBody = Type.Object(
  { resize: Type.Object({ flavorRef, 'OS-DCF:diskConfig': Type.Optional(diskConfig) }, strict) },
  strict,
);

interface ResizeBody {
  readonly resize: { readonly flavorRef: string | number; readonly 'OS-DCF:diskConfig'?: 'AUTO' | 'MANUAL' };
}

export async function resizeServer(call: Call, deps: ComputeDeps): Promise<void> {
  const handledAt = deps.clock.now();
  const { resize } = call.body as ResizeBody;
  const row = await admitAction(call, deps, {
    action: 'resize',
    rule: RULE,
    from: { vm: ['active', 'stopped'] },
  });
  const flavor = await requireFlavor(call, deps, flavorIdOf(String(resize.flavorRef)));
  const old = JSON.parse(row.flavor_json) as FlavorSnapshot;
  if (flavor.id === old.id)
    throw new InvalidInput('When resizing, instances must change flavor!', 'same-flavor');
  await requireDisk(deps, row, { old, flavor });
  requireImageFits(row, flavor);
  await beginMove(
    call,
    deps,
    row,
    {
      action: 'resize',
      rule: RULE,
      flavor,
      diskConfig: resize['OS-DCF:diskConfig'],
      exclude: deps.config.allowResizeToSameHost ? [] : [row.host ?? ''],
      requestedHost: null,
      also: async (trx) => {
        const asked = { cores: flavor.vcpus - old.vcpus, ram: flavor.ram - old.ram };
        await assertQuota(trx, row.project_id, row.user_id, {
          cores: Math.max(0, asked.cores),
          ram: Math.max(0, asked.ram),
        });
      },
    },
    handledAt,
  );
}

/** An id, or an address that ends in one. */
const flavorIdOf = (ref: string): string => (ref.includes('://') ? (ref.split('/').at(-1) ?? '') : ref);

/** A server with a disk of its own can not do without. That one gets smaller is found out on its host, as in the field. */
async function requireDisk(
  deps: ComputeDeps,
  row: InstanceRow,
  { old, flavor }: { readonly old: FlavorSnapshot; readonly flavor: FlavorSnapshot },
): Promise<void> {
  if (flavor.disk > 0 || old.disk === 0) return;
  const devices = await listDevices(deps.db.kysely, row.id);
  if (devices.some((device) => device.boot_index === 0 && device.destination_type === 'volume')) return;
  throw new InvalidInput('Resize to zero disk flavor is not allowed.', 'zero-disk');
}

/** What the image asked for when the server was made. */
function requireImageFits(row: InstanceRow, flavor: FlavorSnapshot): void {
  const image = JSON.parse(row.image_json) as Readonly<Record<string, string | undefined>>;
  const [ram, disk] = [Number(image['min_ram'] ?? 0), Number(image['min_disk'] ?? 0)];
  if (ram > flavor.ram)
    throw new InvalidInput(
      `Flavor's memory is too small for requested image: it has ${flavor.ram} MiB, the image needs ${ram} MiB.`,
    );
  if (row.image_id !== null && flavor.disk > 0 && disk > flavor.disk)
    throw new InvalidInput(
      `Flavor's disk is smaller than the minimum size specified in image metadata: it has ${flavor.disk} GiB, the image needs ${disk} GiB.`,
    );
}
