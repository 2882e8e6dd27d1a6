// The flavors that a new cloud has. The smallest run the test image; the names are the field's.
import { isoTime, systemClock, type Clock } from '#platform/context/clock.ts';
import type { ComputeDatabase } from '#compute/deps.ts';
import { hasFlavors, insertFlavor } from './store.ts';

const FLAVORS: ReadonlyArray<readonly [id: string, name: string, vcpus: number, ram: number, disk: number]> =
  [
    ['42', 'm1.nano', 1, 192, 1],
    ['84', 'm1.micro', 1, 256, 1],
    ['1', 'm1.tiny', 1, 512, 1],
    ['2', 'm1.small', 1, 2048, 20],
    ['3', 'm1.medium', 2, 4096, 40],
    ['4', 'm1.large', 4, 8192, 80],
  ];

/** Makes the flavors when there is none at all: what an operator has removed stays away. */
export async function seedFlavors(db: ComputeDatabase, clock: Clock = systemClock): Promise<void> {
  await db.transaction(async (trx) => {
    if (await hasFlavors(trx)) return;
    for (const [flavor_id, name, vcpus, ram, disk] of FLAVORS) {
      const rest = { description: null, ephemeral: 0, swap: 0, rxtx_factor: 1, is_public: 1, disabled: 0 };
      await insertFlavor(trx, {
        flavor_id,
        name,
        vcpus,
        ram,
        disk,
        ...rest,
        extra_specs_json: '{}',
        created_at: isoTime(clock),
      });
    }
  });
}
